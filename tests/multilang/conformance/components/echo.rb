# An echo and a spout on Storm's storm.rb: ruby echo.rb FOLDER bolt|spout; FOLDER has storm.rb.
require "#{ARGV.shift}/storm"

class Echo < Storm::Bolt
  def process(tup)
    raise "as told" if tup.values == ["raise"]
    emit(tup.values, :anchor => tup) unless tup.stream == "__tick"
    ack(tup)
  end
end

class Numbers < Storm::Spout
  def open(_conf, _context)
    @count = 0
  end

  def nextTuple
    @count += 1
    emit([@count], :id => @count)
  end
end

{"bolt" => Echo, "spout" => Numbers}.fetch(ARGV.shift).new.run
