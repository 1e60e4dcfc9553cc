/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option {@code --prefix}: the KV cache of a prompt in a file. */
final class PrefixOption {

    @Option(
            names = "--prefix",
            paramLabel = "FILE",
            description = {
                "KV cache of an earlier prompt: what this prompt has in common with its beginning"
                        + " is not computed again. If there is no such file, this prompt's is saved"
                        + " to it."
            })
    @Nullable Path file;

    /** Used by picocli. */
    PrefixOption() {}

    /**
     * Reads the file and keeps its cache for the next generation, or computes the prompt and writes
     * the file.
     *
     * @param prefixes the kept prefixes of the generator
     * @throws IOException if the file cannot be read or written, or is not a KV cache
     * @throws IllegalArgumentException if it was saved by another model
     */
    void apply(
            Generator generator,
            PrefixCache prefixes,
            MistralForCausalLM network,
            NDManager manager,
            long[] prompt)
            throws IOException {
        if (file == null) {
            return;
        }
        if (Files.exists(file)) {
            prefixes.keep(network.restoreCache(manager, file));
            return;
        }
        generator.generate(List.of(prompt), GenerationConfig.builder().maxNewTokens(1).build());
        // the last token of what is looked up is never taken
        KvCache computed = prefixes.take(Arrays.copyOf(prompt, prompt.length + 1));
        if (computed == null || computed.length() < prompt.length) {
            throw new IllegalArgumentException(
                    "the prompt has "
                            + prompt.length
                            + " tokens: --prefix saves those of at least 16 tokens");
        }
        try {
            computed.save(file);
        } finally {
            prefixes.keep(computed);
        }
    }
}
