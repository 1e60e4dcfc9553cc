/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.repository.Artifact;
import ai.djl.repository.zoo.ModelLoader;
import io.github.djlmistral.zoo.hub.CachedModel;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral list}: lists downloaded models, or those of the zoo. */
@Command(
        name = "list",
        description =
                "Lists the models in the Hub's cache, including those that other programs"
                        + " downloaded: repository, revision, size and files. 'mistral pull' resumes"
                        + " unfinished downloads,"
                        + " 'mistral rm' deletes a model.",
        customSynopsis = "mistral list [OPTIONS]",
        footer = {"  mistral list", "  mistral list --zoo"})
public final class ListCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = "--zoo",
            description =
                    "List the models of the zoo instead, with the estimated size of the download"
                            + " and the repository. A * marks repositories known to be gated: they"
                            + " need HF_TOKEN of an account that has accepted their conditions.")
    private boolean zoo;

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public ListCommand() {}

    @Override
    public Integer call() throws IOException {
        if (zoo) {
            listZoo();
        } else {
            Hub hub = new Hub(HubSettings.fromEnvironment());
            listCache(hub.settings().cache(), hub.list());
        }
        return 0;
    }

    private void listZoo() throws IOException {
        List<Map<String, String>> entries = new ArrayList<>();
        for (ModelLoader loader : ModelSource.loaders()) {
            for (Artifact artifact : loader.getMrl().listArtifacts()) {
                Map<String, String> entry = new LinkedHashMap<>();
                entry.put("name", loader.getArtifactId());
                entry.putAll(artifact.getProperties());
                entries.add(entry);
            }
        }
        if (json.wanted) {
            json.print(terminal, Map.of("models", entries));
            return;
        }
        for (Map<String, String> entry : entries) {
            String repository = entry.get("repository");
            terminal.out()
                    .printf(
                            "%-38s %-13s %s%n",
                            entry.get("name") + ":" + entry.get("precision"),
                            entry.getOrDefault("size", ""),
                            repository == null
                                    ? "embedded"
                                    : repository + ("true".equals(entry.get("gated")) ? " *" : ""));
        }
    }

    private void listCache(Path cache, List<CachedModel> models) {
        long bytes = models.stream().mapToLong(CachedModel::bytes).sum();
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("cache", cache.toString());
            object.put("bytes", bytes);
            object.put("models", models.stream().map(ListCommand::fields).toList());
            json.print(terminal, object);
            return;
        }
        for (CachedModel model : models) {
            terminal.out()
                    .printf(
                            Locale.ROOT,
                            "%-46s %10s  %tF%n",
                            model.repository(),
                            Units.bytes(model.bytes()),
                            model.lastModified().atZone(ZoneId.systemDefault()));
            for (CachedModel.Snapshot snapshot : model.snapshots()) {
                List<String> names = snapshot.revisions();
                terminal.out()
                        .printf(
                                Locale.ROOT,
                                "  %-44s %10s  %d files%n",
                                names.isEmpty() ? snapshot.commit() : String.join(", ", names),
                                Units.bytes(snapshot.bytes()),
                                snapshot.files().size());
            }
            if (model.unfinishedBytes() > 0) {
                terminal.out()
                        .printf(
                                "  %-44s %10s%n",
                                "unfinished", Units.bytes(model.unfinishedBytes()));
            }
        }
        terminal.note(
                models.isEmpty() ? "no models in " + cache : Units.bytes(bytes) + " in " + cache);
    }

    private static Map<String, Object> fields(CachedModel model) {
        List<Map<String, Object>> revisions = new ArrayList<>();
        for (CachedModel.Snapshot snapshot : model.snapshots()) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("commit", snapshot.commit());
            fields.put("names", snapshot.revisions());
            fields.put("directory", snapshot.directory().toString());
            fields.put("bytes", snapshot.bytes());
            fields.put("files", snapshot.files());
            revisions.add(fields);
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("repository", model.repository());
        fields.put("directory", model.directory().toString());
        fields.put("bytes", model.bytes());
        fields.put("unfinished_bytes", model.unfinishedBytes());
        fields.put("last_modified", model.lastModified().toString());
        fields.put("revisions", revisions);
        return fields;
    }
}
