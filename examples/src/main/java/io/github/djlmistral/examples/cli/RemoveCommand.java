/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.HubReference;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mistral rm}: deletes a model from the cache. */
@Command(
        name = "rm",
        description =
                "Deletes a model from the Hub's cache: all revisions and unfinished downloads; with"
                        + " @REVISION only that revision, with /FILE.gguf only that file. Python"
                        + " programs share the cache and lose the files, too.",
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
            description = "As in 'mistral list' or 'mistral pull'.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    private String name;

    @Option(
            names = {"-y", "--yes"},
            description =
                    "Do not ask for confirmation before deleting files that other model"
                            + " names share.")
    private boolean yes;

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public RemoveCommand() {}

    @Override
    public Integer call() throws IOException {
        ModelSource source = ModelSource.of(name);
        if (source instanceof ModelSource.Local) {
            throw new IOException(
                    name
                            + " is a local directory or file, and rm only deletes downloads:"
                            + " for the Hub's model of that name use hf://"
                            + name);
        }
        if (!(source instanceof ModelSource.OnHub onHub)) {
            throw new IOException(name + " is embedded: there is nothing to remove");
        }
        HubModel model = onHub.model();
        Hub hub = new Hub(HubSettings.fromEnvironment());
        boolean oneRevision = name.contains("@") || name.contains("revision=");
        boolean everything = !oneRevision && model.file() == null;
        if (onHub.reference().isQuantizedOnLoad() && !yes) {
            confirm(onHub.reference(), everything);
        }
        long freed = everything ? hub.removeAll(model.repository()) : hub.remove(model);
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("repository", model.repository());
            object.put("freed_bytes", freed);
            json.print(terminal, object);
        } else {
            terminal.out().println("removed " + name + ", " + Units.bytes(freed) + " freed");
        }
        return 0;
    }

    /** A model that is quantized on load has no files of its own. */
    private void confirm(HubReference reference, boolean everything) throws IOException {
        String shared =
                name
                        + " is quantized on load and shares the files of "
                        + reference.model()
                        + (everything ? " (all revisions)" : "");
        if (!Terminal.isTerminal(0)) {
            throw new IOException(shared + ": give --yes to delete them");
        }
        if (!terminal.confirm(shared + ". Delete them?")) {
            throw new IOException("nothing was deleted");
        }
    }
}
