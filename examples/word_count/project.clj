(defproject word-count "0.1.0"
  :description "Counts the words of some sentences"
  :min-lein-version "2.0.0"
  :resource-paths ["_resources"]
  :target-path "_build"
  :dependencies [[org.apache.storm/storm-core "1.2.4"]])
