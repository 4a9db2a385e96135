import PACKAGE.grouping.PartialKeyGrouping;
import PACKAGE.spout.ShellSpout;
import PACKAGE.task.OutputCollector;
import PACKAGE.task.ShellBolt;
import PACKAGE.task.TopologyContext;
import PACKAGE.topology.BasicBoltExecutor;
import PACKAGE.topology.BasicOutputCollector;
import PACKAGE.topology.IRichBolt;
import PACKAGE.topology.IRichSpout;
import PACKAGE.topology.OutputFieldsDeclarer;
import PACKAGE.topology.base.BaseBasicBolt;
import PACKAGE.tuple.Fields;
import PACKAGE.tuple.Tuple;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/**
 * What makes readers stumble, and the groupings; over more versions of Storm than SampleObjects.
 *
 * <p>PACKAGE is org.apache.storm, or backtype.storm for 0.10.2, which has neither setEnv nor changeChildCWD: there their
 * calls are left out. Compile against storm-client (2.x) or storm-core, then: AwkwardObjects FOLDER.
 */
public final class AwkwardObjects {
    public static class Split extends ShellBolt implements IRichBolt {
        public Split(String... command) {
            super(command);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {}

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    public static class Sentences extends ShellSpout implements IRichSpout {
        public Sentences() {
            super("node", "sentences.js");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {}

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    /** Writes itself without its fields, which no reader can follow. */
    public static class Odd extends Split {
        private final String hidden = "x";

        public Odd() {
            super("python3", "odd.py");
        }

        private void writeObject(ObjectOutputStream out) throws IOException {
            out.writeInt(7);
        }

        private void readObject(ObjectInputStream in) throws IOException {
            in.readInt();
        }
    }

    /** Cells inside cells. */
    public static class Deep extends Split {
        private static class Cell implements Serializable {
            private Cell next;
        }

        private final Cell first = new Cell();

        public Deep() {
            super("python3", "deep.py");
            Cell last = first;
            for (int i = 0; i < 700; i++) {
                last.next = new Cell();
                last = last.next;
            }
        }
    }

    /** Does work in Java. */
    public static class Counting extends Split {
        private static final long FIRST = 1L << 40;
        private static final double RATE = 0.5;
        private long count = FIRST;

        public Counting() {
            super("python3", "counting.py");
        }

        @Override
        public void execute(Tuple tuple) {
            count += (long) (RATE * 2);
            super.execute(tuple);
        }

        @Override
        public void cleanup() {
            super.cleanup();
        }
    }

    /** Prepares something, as those do that register metrics. */
    public static class Metered extends Split {
        public Metered() {
            super("python3", "metered.py");
        }

        @Override
        public void prepare(Map conf, TopologyContext context, OutputCollector collector) {
            super.prepare(conf, context, collector);
        }
    }

    public static class Exclaim extends BaseBasicBolt {
        @Override
        public void execute(Tuple tuple, BasicOutputCollector collector) {}

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {}
    }

    /** Holds a shell bolt, but is none. */
    public static class Holder implements Serializable {
        private final Split bolt = new Split("python3", "held.py");
    }

    private static String folder;

    private static void write(String name, Object value) throws IOException {
        try (ObjectOutputStream out = new ObjectOutputStream(new FileOutputStream(folder + "/" + name + ".ser"))) {
            out.writeObject(value);
        }
    }

    public static void main(String[] arguments) throws IOException {
        folder = arguments[0];
        Map<String, String> environment = new HashMap<>();
        environment.put("PATH", "/opt/tools");
        environment.put("FOO", "bar");
        write("split", new Split("python3", "split.py"));
        write("sentences", new Sentences());
        Split stays = new Split("python3", "caf\u00e9 \ud83d\ude00.py", "a b", "");
        stays.setEnv(environment);
        stays.changeChildCWD(false);
        write("stays", stays);
        write("odd", new Odd());
        write("deep", new Deep());
        write("counting", new Counting());
        write("metered", new Metered());
        write("basic", new BasicBoltExecutor(new Exclaim()));
        write("holder", new Holder());
        write("text", "only text");
        write("partial", new PartialKeyGrouping());
        write("partial-fields", new PartialKeyGrouping(new Fields("a", "b")));
    }

    private AwkwardObjects() {}
}
