/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.License;
import ai.djl.repository.Metadata;
import ai.djl.util.JsonUtils;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The models of the Hub that the zoo knows by name: the resource {@code models.json}. A line of it
 * is one form of a model, with a name for it (its precision), where it is ({@link
 * io.github.djlmistral.zoo.hub.HubModel#parse}), what the download takes, and whether the Hub wants
 * its conditions to be accepted first, if that is known. The first form of a model is the plain
 * one; from it come two more, {@code int4} and {@code nf4}, which are quantized while they are
 * loaded.
 *
 * <p>Sizes are estimates, none is read from the Hub: of plain weights 2 bytes for each of 7.24
 * thousand million parameters; of 4 bits these and their scales for each weight of a linear layer
 * and 2 bytes for each in the two tables; of Q4_K_M what is commonly given for one of these files.
 * Those are marked as gated whose refusals users have reported; of the others nothing is claimed.
 */
final class ModelTable {

    private static final String RESOURCE = "models.json";

    /** What a plain model is also had as: quantized while it is loaded. */
    static final List<String> QUANTIZED_ON_LOAD = List.of("int4", "nf4");

    private ModelTable() {}

    /** One line. */
    private record Form(
            String precision,
            String model,
            String size,
            boolean gated,
            @Nullable String revision) {}

    /** Reads the table: artifacts by name, in its order. */
    static Map<String, Metadata> read() {
        try (InputStream in = ModelTable.class.getResourceAsStream(RESOURCE)) {
            Reader reader =
                    new InputStreamReader(
                            Objects.requireNonNull(in, RESOURCE), StandardCharsets.UTF_8);
            Map<String, List<Form>> table =
                    JsonUtils.GSON.fromJson(reader, new TypeToken<Map<String, List<Form>>>() {});
            Map<String, Metadata> models = new LinkedHashMap<>();
            table.forEach((name, forms) -> models.put(name, metadata(name, forms)));
            return models;
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " in the zoo's jar cannot be read", e);
        }
    }

    private static Metadata metadata(String name, List<Form> forms) {
        List<HubArtifact> artifacts = new ArrayList<>();
        Form plain = forms.get(0);
        artifacts.add(artifact(name, plain, plain.precision, null));
        for (String precision : QUANTIZED_ON_LOAD) {
            artifacts.add(artifact(name, plain, precision, precision));
        }
        for (Form form : forms.subList(1, forms.size())) {
            artifacts.add(artifact(name, form, form.precision, null));
        }
        return HubArtifact.metadata(name, License.apache(), artifacts);
    }

    private static HubArtifact artifact(
            String name, Form form, String precision, @Nullable String quantization) {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("variant", name.contains("-instruct-") ? "instruct" : "base");
        properties.put("version", name.substring(name.lastIndexOf('v')));
        properties.put("precision", precision);
        properties.put("licence", "Apache-2.0");
        properties.put("size", form.size);
        if (form.gated) {
            properties.put("gated", "true");
        }
        HubReference there = HubReference.parse(form.model);
        return new HubArtifact(name, new HubReference(there.model(), quantization), properties);
    }
}
