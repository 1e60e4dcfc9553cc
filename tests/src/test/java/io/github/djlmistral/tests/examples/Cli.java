/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.examples.MistralCli;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** One run of the command line in this JVM. */
public record Cli(int exitCode, String out, String err) {

    public static Cli run(String... arguments) {
        return runWith("", arguments);
    }

    public static Cli runWith(String input, String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        try {
            int exitCode =
                    MistralCli.commandLine()
                            .setOut(new PrintWriter(out, true))
                            .setErr(new PrintWriter(err, true))
                            .execute(arguments);
            return new Cli(exitCode, out.toString(), err.toString());
        } finally {
            System.setIn(before);
        }
    }

    public Cli succeeds() {
        assertThat(exitCode).as(err).isZero();
        return this;
    }

    /** Asserts failure with this exit code and returns its single-line message. */
    public String fault(int expectedCode) {
        assertThat(exitCode).as(err).isEqualTo(expectedCode);
        assertThat(out).isEmpty();
        assertThat(err.lines()).as(err).hasSize(1);
        assertThat(err).startsWith("mistral: ");
        return err.strip();
    }

    /** Standard output, which must be one JSON object. */
    public JsonObject json() {
        succeeds();
        assertThat(out.lines()).hasSize(1);
        return JsonParser.parseString(out).getAsJsonObject();
    }

    /** Standard output, a JSON object in each line. */
    public List<JsonObject> jsonLines() {
        succeeds();
        return out.lines().map(line -> JsonParser.parseString(line).getAsJsonObject()).toList();
    }
}
