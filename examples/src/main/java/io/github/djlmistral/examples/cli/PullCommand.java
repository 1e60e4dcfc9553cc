/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.hub.CachedModel;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mistral pull}: downloads a model. */
@Command(
        name = "pull",
        description = {
            "Downloads the required files of a model from the Hugging Face Hub. Resumes interrupted"
                    + " downloads.",
            "",
            "The cache is that of Python's huggingface_hub, by default ~/.cache/huggingface/hub;"
                    + " HF_HOME or HF_HUB_CACHE set another directory. HF_TOKEN is the access"
                    + " token for gated models, HF_ENDPOINT sets another server, and"
                    + " HF_HUB_OFFLINE=1 disables network access."
        },
        customSynopsis = "mistral pull [OPTIONS] MODEL",
        parameterListHeading = "%n",
        footer = {
            "  mistral pull mistralai/Mistral-7B-Instruct-v0.3",
            "  mistral pull mistral-7b-instruct-v0.2:awq",
            "  mistral pull TheBloke/Mistral-7B-v0.1-GGUF/mistral-7b-v0.1.Q4_0.gguf"
        })
public final class PullCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description =
                    "A model of the Hub, OWNER/NAME[@REVISION][/FILE.gguf], or of the zoo,"
                            + " NAME[:PRECISION] (see 'mistral list --zoo').")
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    private String name;

    @Option(
            names = "--revision",
            paramLabel = "REVISION",
            description = "A branch, a tag or a commit. Default: main.")
    private @Nullable String revision;

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public PullCommand() {}

    @Override
    public Integer call() throws IOException {
        HubModel model = model(ModelSource.of(name));
        Hub hub = new Hub(HubSettings.fromEnvironment());
        long start = System.nanoTime();
        Path path;
        long fetched;
        try (DownloadProgress download = new DownloadProgress(terminal, model)) {
            path = Mistral.download(hub, model, download);
            fetched = download.fetched();
        }
        print(model, path, snapshot(hub, path), fetched, (System.nanoTime() - start) * 1e-9);
        return 0;
    }

    private HubModel model(ModelSource source) throws IOException {
        if (source instanceof ModelSource.Local) {
            throw new IOException(
                    name
                            + " is a local directory or file: for the Hub's model of that name"
                            + " use hf://"
                            + name);
        }
        if (!(source instanceof ModelSource.OnHub onHub)) {
            throw new IOException(name + " is embedded: there is nothing to download");
        }
        HubModel model = onHub.model();
        if (revision == null) {
            return model;
        }
        if (!model.revision().equals(HubModel.MAIN) && !model.revision().equals(revision)) {
            throw terminal.usage(
                    "--revision is "
                            + revision
                            + ", and the model names "
                            + model.revision()
                            + ": omit one of them");
        }
        return new HubModel(model.repository(), revision, model.file());
    }

    private static CachedModel.Snapshot snapshot(Hub hub, Path path) throws IOException {
        return hub.list().stream()
                .flatMap(model -> model.snapshots().stream())
                .filter(snapshot -> path.startsWith(snapshot.directory()))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IOException(
                                        path
                                                + " was deleted right after the download: pull"
                                                + " it again"));
    }

    private void print(
            HubModel model,
            Path path,
            CachedModel.Snapshot snapshot,
            long fetched,
            double seconds) {
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("repository", model.repository());
            object.put("revision", model.revision());
            object.put("commit", snapshot.commit());
            object.put("path", path.toString());
            object.put("files", snapshot.files());
            object.put("bytes", snapshot.bytes());
            object.put("downloaded_bytes", fetched);
            object.put("seconds", seconds);
            json.print(terminal, object);
            return;
        }
        terminal.out()
                .printf(
                        Locale.ROOT,
                        "%s%n  %s, %d files, %s%n",
                        path,
                        Units.bytes(snapshot.bytes()),
                        snapshot.files().size(),
                        fetched == 0
                                ? "was here already"
                                : String.format(
                                        Locale.ROOT,
                                        "downloaded %s in %.0f seconds, %s/s",
                                        Units.bytes(fetched),
                                        seconds,
                                        Units.bytes((long) (fetched / seconds))));
    }
}
