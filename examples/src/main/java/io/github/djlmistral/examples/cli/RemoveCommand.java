/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code mistral rm}: takes a model out of the cache. */
@Command(
        name = "rm",
        description =
                "Removes a model from the Hub's cache: all of its revisions and what is unfinished;"
                        + " with @REVISION only that one, with /FILE.gguf only that file. Python's"
                        + " programs share the cache, and will have to download it again as well.",
        customSynopsis = "mistral rm [OPTIONS] MODEL",
        parameterListHeading = "%n",
        footer = {
            "  mistral rm mistralai/Mistral-7B-Instruct-v0.3",
            "  mistral rm mistralai/Mistral-7B-Instruct-v0.3@main"
        })
public final class RemoveCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "As 'mistral list' shows it, or as it was given to 'mistral pull'.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    private String name;

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public RemoveCommand() {}

    @Override
    public Integer call() throws IOException {
        ModelSource source = ModelSource.of(name);
        if (source instanceof ModelSource.Local) {
            throw new IOException(
                    name
                            + " is a directory or file of your own: only downloads are removed, for"
                            + " the Hub's model of that name give hf://"
                            + name);
        }
        if (!(source instanceof ModelSource.OnHub onHub)) {
            throw new IOException(name + " is built in, there is nothing to remove");
        }
        HubModel model = onHub.model();
        Hub hub = new Hub(HubSettings.fromEnvironment());
        boolean oneRevision = name.contains("@") || name.contains("revision=");
        long freed =
                oneRevision || model.file() != null
                        ? hub.remove(model)
                        : hub.removeAll(model.repository());
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("repository", model.repository());
            object.put("freed_bytes", freed);
            json.print(terminal, object);
        } else {
            terminal.out()
                    .println("removed " + name + ", " + Units.bytes(freed) + " are free again");
        }
        return 0;
    }
}
