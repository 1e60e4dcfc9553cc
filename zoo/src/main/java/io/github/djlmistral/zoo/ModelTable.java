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
 * The models of the Hub that the zoo knows by name, from the resource {@code models.json}. For each
 * name it lists where the model is available, the unquantized weights first:
 *
 * <ul>
 *   <li>{@code precision}: the name of this form, which {@code optFilter("precision", ..)} selects;
 *   <li>{@code model}: the repository, as {@link HubReference#parse} takes it;
 *   <li>{@code size}: an estimate of the download. 2 bytes a parameter for bfloat16, 4.37 GB for
 *       Q4_K_M (the size recorded for one of these files), for the others 4 bits and their scales
 *       for a weight of a linear layer and 2 bytes for one of the embedding and the output layer;
 *   <li>{@code gated}: whether users have reported that the Hub refuses the download without an
 *       account that has accepted the conditions; absent does not mean that it is not gated;
 *   <li>{@code seen}: what the entry is based on. {@code files}: a list of the repository's files,
 *       put together from what public code fetches from it. {@code name}: public code that loads
 *       the repository or the GGUF file by this name. Nothing was read from the Hub.
 * </ul>
 *
 * The unquantized weights are also listed as {@code int4} and {@code nf4}: quantized on load.
 */
final class ModelTable {

    private static final String RESOURCE = "models.json";

    /** Precisions that unquantized weights can also be loaded with. */
    static final List<String> QUANTIZED_ON_LOAD = List.of("int4", "nf4");

    private ModelTable() {}

    /** One entry. */
    private record Form(String precision, String model, String size, boolean gated, String seen) {}

    /** Reads the table, in its order. */
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
        return HubArtifact.metadata(new Metadata(), name, License.apache(), artifacts);
    }

    private static HubArtifact artifact(
            String name, Form form, String precision, @Nullable String quantization) {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("variant", name.contains("-instruct-") ? "instruct" : "base");
        properties.put("version", name.substring(name.lastIndexOf('v')));
        properties.put("precision", precision);
        properties.put("licence", "Apache-2.0");
        properties.put("size", form.size);
        properties.put("seen", form.seen);
        if (form.gated) {
            properties.put("gated", "true");
        }
        HubReference there = HubReference.parse(form.model);
        return new HubArtifact(
                name, "PyTorch", new HubReference(there.model(), quantization), properties);
    }
}
