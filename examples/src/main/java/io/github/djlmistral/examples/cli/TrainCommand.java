/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.repository.zoo.ModelNotFoundException;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.examples.training.Recipe;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral train}. */
@Command(
        name = "train",
        description = {
            "Fine-tunes a model: supervised (sft), on preferences (dpo), as a language model of"
                    + " texts (lm), or as a classifier of texts (classify).",
            "",
            "Options have the names and the defaults of transformers, trl and peft. sft, dpo and lm"
                    + " train a LoRA adapter in float32 over frozen weights, which may be quantized"
                    + " (QLoRA: --quantization nf4); --full trains all weights. classify trains all"
                    + " weights, or an adapter if options of LoRA are given, and, if the model is"
                    + " no classifier, a new head.",
            "",
            "Records of sft are {\"messages\": [..]}, {\"prompt\": .., \"completion\": ..},"
                    + " {\"text\": ..} or {\"input_ids\": [..], \"labels\": [..]}; of dpo"
                    + " {\"prompt\": .., \"chosen\": .., \"rejected\": ..}, or prompt_ids, chosen_ids"
                    + " and rejected_ids; of lm {\"text\": ..}; of classify {\"text\": ..,"
                    + " \"label\": ..}, the label being a name, an index, or a list of names.",
            "",
            "The output has the files of peft (adapter) or transformers (--full, classify). Ctrl-C"
                    + " saves a checkpoint, with which --resume continues."
        },
        customSynopsis = "mistral train --method METHOD --data FILE.jsonl --output DIR [OPTIONS]",
        footer = {
            "  mistral train --method sft --data train.jsonl --eval test.jsonl --output adapter",
            "  mistral train --method dpo --beta 0.1 --data pairs.jsonl --output adapter",
            "  mistral train --method classify --data texts.jsonl --output classifier",
            "  mistral generate --adapter adapter \"What is a lighthouse?\""
        })
public final class TrainCommand implements Callable<Integer> {

    private static final String CLASSIFY = "classify";
    private static final List<String> METHODS = List.of("sft", "dpo", "lm", CLASSIFY);

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = "--method",
            paramLabel = "METHOD",
            description = "sft, dpo, lm or classify. Default: sft, or that of the recipe.")
    private @Nullable String method;

    @Option(
            names = "--recipe",
            paramLabel = "FILE",
            description =
                    "Recipe of Hugging Face's alignment handbook, a YAML file with arguments of"
                            + " transformers, trl and peft; options override it. Those of Zephyr"
                            + " are in examples/recipes.")
    private @Nullable Path recipeFile;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description =
                    "Output directory; must not exist, or be empty, unless --resume is given."
                            + " Default: output_dir of the recipe.")
    private @Nullable Path outputDirectory;

    @Option(
            names = "--resume",
            description = "Continue with the last checkpoint in --output, if there is one.")
    private boolean resume;

    @ArgGroup(validate = false, heading = "%nData:%n", order = 1)
    private TrainingDataOptions records = new TrainingDataOptions();

    @ArgGroup(validate = false, heading = "%nWhat is trained:%n", order = 2)
    private LoraOptions lora = new LoraOptions();

    @ArgGroup(validate = false, heading = "%nOptimization:%n", order = 3)
    private OptimizationOptions optimization = new OptimizationOptions();

    @ArgGroup(validate = false, heading = "%nPreferences (dpo):%n", order = 4)
    private PreferenceTrainingOptions preferences = new PreferenceTrainingOptions();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 5)
    private ModelOptions model = new ModelOptions();

    @Option(names = "--json", description = "Print a JSON object a step to standard output.")
    private boolean json;

    /** Used by picocli. */
    public TrainCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        TrainingSettings settings = settings();
        Thread thread = Thread.currentThread();
        Object before = Signals.register("INT", thread::interrupt);
        JsonOption lines = new JsonOption();
        lines.wanted = json;
        try (TrainingProgress progress = new TrainingProgress(terminal, lines)) {
            TrainerResult result;
            try (Training training = training(settings, progress)) {
                result = training.run();
            }
            return report(settings, result, progress);
        } catch (ClosedByInterruptException | CancellationException e) {
            terminal.note("interrupted before the first step");
            return ExitCode.SOFTWARE;
        } finally {
            Signals.unregister("INT", before);
            Thread.interrupted(); // it has been answered
        }
    }

    private Training training(TrainingSettings settings, TrainingProgress progress)
            throws IOException, ModelNotFoundException, MalformedModelException {
        return settings.method().equals(CLASSIFY)
                ? new ClassifierTraining(terminal, model, settings, progress)
                : new CausalTraining(terminal, model, settings, progress);
    }

    private TrainingSettings settings() throws IOException {
        Recipe recipe = recipeFile == null ? null : Recipe.read(recipeFile);
        Map<String, String> values = new LinkedHashMap<>();
        if (recipe != null) {
            values.putAll(recipe.values());
            String base =
                    recipe.model() == null || recipe.revision() == null
                            ? recipe.model()
                            : recipe.model() + "@" + recipe.revision();
            model.replaceDefaults(base, recipe.dtype(), recipe.quantization());
        }
        optimization.addTo(values);
        lora.addTo(values);
        records.addTo(values);
        preferences.addTo(values);
        boolean adapts = lora.adapterInit != null || lora.givesNew();
        String chosen = method != null ? method : recipe != null ? recipe.method() : "sft";
        boolean full =
                lora.full
                        || (chosen.equals(CLASSIFY) && !adapts)
                        || (recipe != null && recipe.full() && !adapts);
        check(chosen, full, adapts);
        Path output = output(values);
        return new TrainingSettings(
                chosen,
                records.data,
                records.eval,
                output,
                full,
                lora.adapterInit,
                checkpoint(output),
                optimization.evalOnStart,
                recipe == null ? null : recipe.chatTemplate(),
                values,
                TrainingSettings.arguments(chosen, output, records.eval != null, values));
    }

    private void check(String chosen, boolean full, boolean adapts) {
        if (!METHODS.contains(chosen)) {
            throw terminal.usage("--method is '" + chosen + "', must be one of " + METHODS);
        }
        requireFile("--data", records.data);
        if (records.eval != null) {
            requireFile("--eval", records.eval);
        } else if (optimization.evalOnStart || optimization.evalSteps != null) {
            throw terminal.usage("--eval-steps and --eval-on-start need --eval");
        }
        if (chosen.equals(CLASSIFY)) {
            checkClassifier(adapts);
        } else if (records.labels != null || lora.freezeBackbone != null) {
            throw terminal.usage("--labels and --freeze-backbone are for --method classify");
        }
        if (lora.full && adapts) {
            throw terminal.usage("--full trains all weights: omit the options of the adapter");
        }
        if (lora.adapterInit != null && lora.givesNew()) {
            throw terminal.usage(
                    "--adapter-init has the rank and the layers of the adapter: omit --lora-r,"
                            + " --lora-alpha, --lora-dropout and --lora-target-modules");
        }
        if (full && model.quantization != null) {
            throw terminal.usage(
                    (lora.full ? "--full" : "--method " + chosen)
                            + " trains weights, and quantized weights cannot be trained: omit"
                            + " --quantization, or train an adapter");
        }
    }

    private void checkClassifier(boolean adapts) {
        if ((lora.full || adapts) && lora.freezeBackbone != null) {
            throw terminal.usage(
                    (lora.full ? "--full trains all weights" : "an adapter changes the layers")
                            + ", --freeze-backbone trains the head only: omit one");
        }
        if (optimization.labelSmoothing != null) {
            throw terminal.usage("--label-smoothing-factor is for --method sft and lm");
        }
    }

    private Path output(Map<String, String> values) {
        if (outputDirectory != null) {
            return outputDirectory;
        }
        String given = values.get("output_dir");
        if (given == null) {
            throw terminal.usage("Missing required option: '--output=DIR'");
        }
        return Path.of(given);
    }

    private void requireFile(String option, Path file) {
        if (!Files.isRegularFile(file)) {
            throw terminal.usage(option + " is " + file + ", which is no file");
        }
    }

    /** Returns the checkpoint to continue with. */
    private @Nullable Path checkpoint(Path output) throws IOException {
        if (!Files.exists(output)) {
            return null;
        }
        if (!Files.isDirectory(output)) {
            throw terminal.usage("--output is " + output + ", which is a file");
        }
        try (Stream<Path> files = Files.list(output)) {
            if (files.findAny().isEmpty()) {
                return null;
            }
        }
        if (!resume) {
            throw terminal.usage(
                    "--output is "
                            + output
                            + ", which is not empty: give a new directory, or --resume to continue"
                            + " with its last checkpoint");
        }
        Path last = MistralTrainer.lastCheckpoint(output);
        if (last == null) {
            throw terminal.usage(output + " has no checkpoint: omit --resume, and give a new one");
        }
        terminal.note("continuing with " + last);
        return last;
    }

    private int report(TrainingSettings settings, TrainerResult result, TrainingProgress progress) {
        Path output = settings.output();
        progress.close();
        progress.draw(output);
        if (result.end() == TrainerResult.End.INTERRUPTED) {
            terminal.note(
                    "interrupted after step "
                            + result.steps()
                            + ", checkpoint "
                            + result.checkpoint()
                            + ": the same command with --resume continues");
            return ExitCode.SOFTWARE;
        }
        terminal.note(
                String.format(
                        Locale.ROOT,
                        "%d steps, mean loss %.4f, %.0f tokens/s, %.1f seconds%s",
                        result.steps(),
                        result.trainLoss(),
                        progress.rate(),
                        progress.seconds(),
                        result.end() == TrainerResult.End.EARLY_STOPPED
                                ? "; stopped early, the evaluation loss did not fall any more"
                                : ""));
        terminal.note(
                settings.full()
                        ? "checkpoint: " + output
                        : "adapter: " + output + ", for --adapter or 'mistral merge'");
        return ExitCode.OK;
    }
}
