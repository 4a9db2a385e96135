import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.validation.ConfigValidation;

/**
 * Says what Storm 2.8.2 answers to a value of a key: "KEY TAB JSON" a line in, the same and the answer out.
 *
 * <p>With storm-client, storm-shaded-deps and slf4j-api on the class path. answers.tsv was made of this: one key for each
 * set of validators in keys.tsv, the constant and the value in messages replaced by CONSTANT and VALUE.
 */
public final class ConfAnswers {
    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] pair = line.split("\t", 2);
            String answer = "OK";
            try {
                String json = "{\"" + pair[0] + "\":" + pair[1] + "}";
                ConfigValidation.validateFields((Map<String, Object>) JSONValue.parseWithException(json));
            } catch (RuntimeException exception) {
                answer = exception.getMessage();
            }
            System.out.println(line + "\t" + answer);
        }
    }

    private ConfAnswers() {}
}
