/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.adapter;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * Which layers have a low-rank adapter and how it is scaled; {@code LoraConfig} of peft. Modules
 * are linear layers, by their names in the network: {@code model.layers.0.self_attn.q_proj}, {@code
 * lm_head}.
 *
 * @param r the rank: the number of rows of A and of columns of B, at least 1
 * @param alpha scales the adapter by alpha / r; peft's {@code lora_alpha}
 * @param dropout the probability from 0 to below 1 that an input of the adapter is dropped in
 *     training; peft's {@code lora_dropout}
 * @param useRslora whether the scale is alpha / √r (Kalajdzievski 2023) instead
 * @param targetModules the modules with an adapter: names, of which the last components suffice
 *     ({@code q_proj}). Empty if {@code targetPattern} chooses them
 * @param targetPattern a regular expression for the whole name of the modules with an adapter, in
 *     place of {@code targetModules}; or null
 * @param layersToTransform the layers whose modules in {@code targetModules} have an adapter, from
 *     0; empty for all
 * @param modulesToSave modules that the adapter replaces as a whole by its own weights: {@code
 *     embed_tokens}, {@code lm_head}; the head of a classifier, {@code score}, beside which peft
 *     names {@code classifier}, the head of other networks
 * @param rankPattern ranks of modules that do not have the rank r, by regular expressions for the
 *     end of their names, the first of which matches
 * @param alphaPattern as {@code rankPattern}, for alpha
 * @param initialization how peft initialized the adapter ({@code init_lora_weights}): {@code true},
 *     {@code false}, {@code gaussian}, {@code orthogonal} or {@code eva}; kept for its files
 * @param baseModel the name or path of the model that the adapter belongs to, or null
 */
public record LoraConfig(
        @Nullable TaskType taskType,
        int r,
        double alpha,
        double dropout,
        boolean useRslora,
        List<String> targetModules,
        @Nullable String targetPattern,
        Set<Integer> layersToTransform,
        List<String> modulesToSave,
        Map<String, Integer> rankPattern,
        Map<String, Double> alphaPattern,
        String initialization,
        @Nullable String baseModel) {

    /** The linear layers of a decoder layer, peft's {@code "all-linear"}. */
    public static final List<String> ALL_LINEAR =
            List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

    /** The modules that can be in {@link #modulesToSave}. */
    public static final List<String> SAVED =
            List.of("embed_tokens", "lm_head", "score", "classifier");

    /** What a network with an adapter is for, by the names in peft. */
    public enum TaskType {
        /** A causal language model. */
        CAUSAL_LM,
        /** A classifier of sequences. */
        SEQ_CLS,
        /** A classifier of tokens. */
        TOKEN_CLS
    }

    private static final Pattern LAYER = Pattern.compile(".*?\\.[^.]*\\.(\\d+)\\..*");

    /**
     * Creates a configuration; {@link #builder} has defaults.
     *
     * @throws IllegalArgumentException if a value is out of its range, or a pattern is not a
     *     regular expression
     */
    public LoraConfig {
        targetModules = List.copyOf(targetModules);
        layersToTransform = Set.copyOf(layersToTransform);
        modulesToSave = List.copyOf(modulesToSave);
        rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
        alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
        requireRank("r", r);
        rankPattern.forEach((pattern, rank) -> requireRank("rank_pattern of " + pattern, rank));
        requireFinite("lora_alpha", alpha);
        alphaPattern.forEach((pattern, a) -> requireFinite("alpha_pattern of " + pattern, a));
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException(
                    "lora_dropout is " + dropout + ", must be from 0 to below 1");
        }
        for (String module : modulesToSave) {
            if (!SAVED.contains(module)) {
                throw new IllegalArgumentException(
                        "modules_to_save has "
                                + Quote.of(module)
                                + "; the modules that an adapter can replace are "
                                + SAVED);
            }
        }
        if (targetPattern == null && targetModules.isEmpty() && modulesToSave.isEmpty()) {
            throw new IllegalArgumentException(
                    "target_modules is empty: give the names of linear layers, such as "
                            + ALL_LINEAR);
        }
        if (targetPattern != null && !layersToTransform.isEmpty()) {
            throw new IllegalArgumentException(
                    "layers_to_transform cannot be used with a regular expression in"
                            + " target_modules: name the layers in the expression");
        }
        if (targetPattern != null) {
            pattern("target_modules", targetPattern);
        }
        rankPattern.keySet().forEach(key -> pattern("rank_pattern", suffix(key)));
        alphaPattern.keySet().forEach(key -> pattern("alpha_pattern", suffix(key)));
    }

    private static void requireRank(String name, int rank) {
        if (rank < 1) {
            throw new IllegalArgumentException(name + " is " + rank + ", must be at least 1");
        }
    }

    private static void requireFinite(String name, double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException(name + " is " + value + ", must be a number");
        }
    }

    private static Pattern pattern(String name, String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    name + " has " + Quote.of(regex) + ", which is not a regular expression", e);
        }
    }

    /**
     * Reads {@code adapter_config.json} as peft writes it.
     *
     * @param directory the directory of the adapter
     * @return the configuration
     * @throws IOException if the file is missing or damaged, or uses a feature of peft that is not
     *     supported, such as DoRA; the message names it
     */
    public static LoraConfig read(Path directory) throws IOException {
        return LoraConfigFile.read(directory);
    }

    /**
     * Parses the content of {@code adapter_config.json}.
     *
     * @param json the content
     * @return the configuration
     * @throws IllegalArgumentException as {@link #read}
     */
    public static LoraConfig parse(String json) {
        return LoraConfigFile.parse(json);
    }

    /** Returns the content of peft's {@code adapter_config.json}. */
    public String toJson() {
        return LoraConfigFile.toJson(this);
    }

    /**
     * Returns whether a linear layer has an adapter.
     *
     * @param module the name of the layer, such as {@code model.layers.0.self_attn.q_proj}
     */
    public boolean targets(String module) {
        if (isSaved(module)) {
            return false;
        }
        if (targetPattern != null) {
            return Pattern.matches(targetPattern, module);
        }
        if (targetModules.contains(module)) {
            return true; // also if it is of no layer, such as lm_head
        }
        if (targetModules.stream().noneMatch(name -> isSuffix(name, module))) {
            return false;
        }
        if (layersToTransform.isEmpty()) {
            return true;
        }
        Matcher layer = LAYER.matcher(module);
        return layer.matches() && layersToTransform.contains(Integer.valueOf(layer.group(1)));
    }

    /**
     * Returns whether the adapter replaces a module as a whole.
     *
     * @param module the name of the module, such as {@code model.embed_tokens} or {@code lm_head}
     */
    public boolean isSaved(String module) {
        return modulesToSave.stream().anyMatch(name -> isSuffix(name, module));
    }

    private static boolean isSuffix(String name, String module) {
        return module.equals(name) || module.endsWith("." + name);
    }

    /**
     * Returns the rank of the adapter of a layer.
     *
     * @param module the name of the layer
     */
    public int rank(String module) {
        return value(rankPattern, module, r);
    }

    /**
     * Returns what the product of A and B is multiplied by: alpha / r, or alpha / √r.
     *
     * @param module the name of the layer
     */
    public double scale(String module) {
        int rank = rank(module);
        double a = value(alphaPattern, module, alpha);
        return a / (useRslora ? Math.sqrt(rank) : rank);
    }

    private static <T> T value(Map<String, T> patterns, String module, T otherwise) {
        Predicate<String> matches = key -> Pattern.compile(suffix(key)).matcher(module).matches();
        return patterns.entrySet().stream()
                .filter(entry -> matches.test(entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(otherwise);
    }

    private static String suffix(String key) {
        return "(.*\\.)?(" + key + ")";
    }

    /**
     * Returns a builder with the defaults of peft: r 8, alpha 8, {@code q_proj}, {@code v_proj}.
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns a builder with these values. */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.taskType = taskType;
        builder.r = r;
        builder.alpha = alpha;
        builder.dropout = dropout;
        builder.useRslora = useRslora;
        builder.targetModules = targetModules;
        builder.targetPattern = targetPattern;
        builder.layersToTransform = layersToTransform;
        builder.modulesToSave = modulesToSave;
        builder.rankPattern = rankPattern;
        builder.alphaPattern = alphaPattern;
        builder.initialization = initialization;
        builder.baseModel = baseModel;
        return builder;
    }

    /** Builds a {@link LoraConfig}. */
    public static final class Builder {

        private @Nullable TaskType taskType = TaskType.CAUSAL_LM;
        private int r = 8;
        private double alpha = 8;
        private double dropout;
        private boolean useRslora;
        private List<String> targetModules = List.of("q_proj", "v_proj");
        private @Nullable String targetPattern;
        private Set<Integer> layersToTransform = Set.of();
        private List<String> modulesToSave = List.of();
        private Map<String, Integer> rankPattern = Map.of();
        private Map<String, Double> alphaPattern = Map.of();
        private String initialization = "true";
        private @Nullable String baseModel;

        private Builder() {}

        /** Sets what the network is for; a causal language model by default. */
        public Builder taskType(@Nullable TaskType value) {
            taskType = value;
            return this;
        }

        /** Sets the rank. */
        public Builder r(int value) {
            r = value;
            return this;
        }

        /** Sets alpha. */
        public Builder alpha(double value) {
            alpha = value;
            return this;
        }

        /** Sets the probability of dropout. */
        public Builder dropout(double value) {
            dropout = value;
            return this;
        }

        /** Sets whether the scale is alpha / √r. */
        public Builder useRslora(boolean value) {
            useRslora = value;
            return this;
        }

        /**
         * Sets the modules with an adapter.
         *
         * @param names the names; {@code all-linear} stands for {@link #ALL_LINEAR}
         * @return this
         */
        public Builder targetModules(Collection<String> names) {
            targetModules =
                    names.stream()
                            .flatMap(
                                    name ->
                                            name.equals("all-linear")
                                                    ? ALL_LINEAR.stream()
                                                    : List.of(name).stream())
                            .distinct()
                            .toList();
            targetPattern = null;
            return this;
        }

        /** Sets a regular expression for the names of the modules with an adapter. */
        public Builder targetPattern(String regex) {
            targetPattern = regex;
            targetModules = List.of();
            return this;
        }

        /** Sets the layers that {@link #targetModules} is limited to. */
        public Builder layersToTransform(Collection<Integer> layers) {
            layersToTransform = Set.copyOf(layers);
            return this;
        }

        /** Sets the modules that the adapter replaces. */
        public Builder modulesToSave(Collection<String> names) {
            modulesToSave = List.copyOf(names);
            return this;
        }

        /** Sets ranks other than r, by regular expressions for the end of module names. */
        public Builder rankPattern(Map<String, Integer> ranks) {
            rankPattern = ranks;
            return this;
        }

        /** Sets values other than alpha, by regular expressions for the end of module names. */
        public Builder alphaPattern(Map<String, Double> alphas) {
            alphaPattern = alphas;
            return this;
        }

        /** Sets the name of the initialization in the files of peft. */
        public Builder initialization(String name) {
            initialization = name;
            return this;
        }

        /** Sets the name or path of the base model. */
        public Builder baseModel(@Nullable String name) {
            baseModel = name;
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @return the configuration
         * @throws IllegalArgumentException if a value is out of its range
         */
        public LoraConfig build() {
            return new LoraConfig(
                    taskType,
                    r,
                    alpha,
                    dropout,
                    useRslora,
                    targetModules,
                    targetPattern,
                    layersToTransform,
                    modulesToSave,
                    rankPattern,
                    alphaPattern,
                    initialization,
                    baseModel);
        }
    }
}
