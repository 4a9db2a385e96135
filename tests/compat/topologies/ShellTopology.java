import java.util.HashMap;
import java.util.Map;
import org.apache.storm.StormSubmitter;
import org.apache.storm.generated.SubmitOptions;
import org.apache.storm.generated.TopologyInitialStatus;
import org.apache.storm.spout.ShellSpout;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

/**
 * Numbers of a Python spout into a Python bolt, as a user of Storm writes it in Java.
 *
 * <p>Usage: storm jar JAR ShellTopology NAME [inactive | broken]. What the scripts are to do comes with -c.
 */
public final class ShellTopology {
    public static class Numbers extends ShellSpout implements IRichSpout {
        public Numbers() {
            super("python3", "counting.py");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("value"));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            Map<String, Object> conf = new HashMap<>();
            conf.put("test.stream", "default");
            return conf;
        }
    }

    public static class Sink extends ShellBolt implements IRichBolt {
        private final Map<String, String> notes = new HashMap<>();

        public Sink() {
            super("python3", "sink.py");
            notes.put("a field of its own", "which nobody needs to read");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {}

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    public static void main(String[] args) throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("numbers", new Numbers());
        String how = args.length > 1 ? args[1] : "";
        String source = how.equals("broken") ? "nowhere" : "numbers";
        builder.setBolt("sink", new Sink(), 2).fieldsGrouping(source, new Fields("value"));
        Map<String, Object> conf = new HashMap<>();
        conf.put("topology.workers", 1);
        if (how.equals("inactive")) {
            SubmitOptions options = new SubmitOptions(TopologyInitialStatus.INACTIVE);
            StormSubmitter.submitTopology(args[0], conf, builder.createTopology(), options);
        } else {
            StormSubmitter.submitTopology(args[0], conf, builder.createTopology());
        }
    }

    private ShellTopology() {}
}
