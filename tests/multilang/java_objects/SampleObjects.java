import java.io.Serializable;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.storm.flux.wrappers.bolts.FluxShellBolt;
import org.apache.storm.flux.wrappers.spouts.FluxShellSpout;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentObject;
import org.apache.storm.generated.SpoutSpec;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.spout.ShellSpout;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.topology.BasicOutputCollector;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseBasicBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;

/**
 * Components as a Java client sends them, one file NAME.ser each.
 *
 * <p>Usage: SampleObjects FOLDER. The names, and what is to be read from each file, are in objects.json beside this file.
 */
public final class SampleObjects {
    private static final Fields VALUE = new Fields("value");

    public static class Spout extends ShellSpout implements IRichSpout {
        public Spout(String... command) {
            super(command);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(VALUE);
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    public static class ShellPart extends ShellBolt implements IRichBolt {
        public ShellPart(String... command) {
            super(command);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(VALUE);
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    /** Has as much of its own as somebody may think of; it lies before and behind ShellBolt's fields. */
    public static class Laden extends ShellPart {
        private final boolean yes = true;
        private final byte small = -1;
        private final char letter = 'ß';
        private final short shorter = -300;
        private final int number = Integer.MIN_VALUE;
        private final long larger = Long.MAX_VALUE;
        private final float real = 0.5f;
        private final double reals = -1e300;
        private final Integer boxed = 7;
        private final String text = "reiher \u0000 \u20ac \ud83e\udebd";
        private final String again = text;
        private final int[] numbers = {1, 2, 3};
        private final byte[] bytes = {0, -1, 120, 115, 114};
        private final String[][] table = {{"a", null}, {}};
        private final Object self = this;
        private final List<Object> list = new ArrayList<>(Arrays.asList(1, "two", null, 3.0));
        private final List<String> linked = new LinkedList<>(Arrays.asList("x", "y"));
        private final Map<String, Object> map = new LinkedHashMap<>(Collections.singletonMap("k", list));
        private final HashSet<Long> set = new HashSet<>(Arrays.asList(1L, 2L));
        private final ConcurrentHashMap<String, String> concurrent =
            new ConcurrentHashMap<>(Collections.singletonMap("command", "not this one"));
        private final TimeUnit unit = TimeUnit.SECONDS;
        private final Date date = new Date(0);
        private final BigDecimal exact = new BigDecimal("12345678901234567890.5");
        private final AtomicLong count = new AtomicLong(5);
        private final Class<?> type = String.class;
        private final String[] command = {"not", "this", "one"};
        private final String[] _command = {"nor", "this"};
        private final Inner inner = new Inner();
        private final Fields fields = VALUE;

        public Laden(String... command) {
            super(command);
        }

        /** Knows the outer object, so that there is a cycle. */
        private class Inner implements Serializable {
            private final String[] command = {"of", "another"};
        }
    }

    public static class Plain extends BaseBasicBolt {
        @Override
        public void execute(Tuple input, BasicOutputCollector collector) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {}
    }

    private static ShellPart withEnv(Map<String, String> env) {
        ShellPart bolt = new ShellPart("python3", "env.py");
        bolt.setEnv(env);
        return bolt;
    }

    private static ShellPart inPlace() {
        ShellPart bolt = new ShellPart("/bin/sh", "-c", "exec cat");
        bolt.changeChildCWD(false);
        return bolt;
    }

    public static void main(String[] args) throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("spout", new Spout("python3", "spout.py"));
        builder.setSpout("flux-spout", new FluxShellSpout(new String[] {"node", "flux.js", "1"}, new String[] {"word"}));
        builder.setBolt("bolt", new ShellPart("python3", "bolt.py", "--fast", "größe")).shuffleGrouping("spout");
        builder.setBolt("flux-bolt", new FluxShellBolt(new String[] {"ruby", "flux.rb"}, new String[] {"word"}));
        builder.setBolt("laden", new Laden("python3", "laden.py"));
        builder.setBolt("in-place", inPlace());
        builder.setBolt("no-command", new ShellPart());
        builder.setBolt("java", new Plain());

        Map<String, String> env = new HashMap<>();
        env.put("PYTHONPATH", "lib");
        env.put("EMPTY", "");
        builder.setBolt("env-hash", withEnv(env));
        builder.setBolt("env-linked", withEnv(new LinkedHashMap<>(env)));
        builder.setBolt("env-tree", withEnv(new TreeMap<>(env)));
        builder.setBolt("env-concurrent", withEnv(new ConcurrentHashMap<>(env)));
        builder.setBolt("env-unmodifiable", withEnv(Collections.unmodifiableMap(env)));
        builder.setBolt("env-singleton", withEnv(Collections.singletonMap("PYTHONPATH", "lib")));
        builder.setBolt("env-empty", withEnv(Collections.emptyMap()));
        builder.setBolt("env-map-of", withEnv(Map.of("PYTHONPATH", "lib", "EMPTY", "")));
        builder.setBolt("env-map-of-one", withEnv(Map.of("PYTHONPATH", "lib")));

        StormTopology topology = builder.createTopology();
        Path folder = Paths.get(args[0]);
        for (Map.Entry<String, SpoutSpec> entry : topology.get_spouts().entrySet()) {
            write(folder.resolve(entry.getKey() + ".ser"), entry.getValue().get_spout_object());
        }
        for (Map.Entry<String, Bolt> entry : topology.get_bolts().entrySet()) {
            write(folder.resolve(entry.getKey() + ".ser"), entry.getValue().get_bolt_object());
        }
    }

    private static void write(Path path, ComponentObject object) throws Exception {
        Files.write(path, object.get_serialized_java());
    }

    private SampleObjects() {}
}
