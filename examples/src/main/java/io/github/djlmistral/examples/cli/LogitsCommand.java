/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.ForwardOutput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralModel;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code mistral logits}: one forward pass over a prompt. The tensors of the file have the names of
 * transformers' arguments and outputs, so that two lines of Python compare them.
 */
@Command(
        name = "logits",
        description = {
            "Computes the logits of a prompt and writes them as safetensors, for comparison"
                    + " with other implementations.",
            "The file holds input_ids, logits (float32; of models for question answering"
                    + " start_logits and end_logits, of models without a head last_hidden_state)"
                    + " and, where given or requested, attention_mask, position_ids,"
                    + " hidden_states.N, attentions.N."
        },
        customSynopsis = "mistral logits [OPTIONS] [TEXT]",
        parameterListHeading = "%n",
        footer = {
            "  mistral logits --ids 1,5,6,7 --output logits.safetensors",
            "  mistral logits --raw --last 1 \"A lighthouse is a\""
        })
public final class LogitsCommand implements Callable<Integer> {

    private static final int TOP = 5;

    @Mixin private final Terminal terminal = new Terminal();

    @Mixin private final PromptOptions prompt = new PromptOptions();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "Write the tensors to this .safetensors file, replacing an existing one.")
    private @Nullable Path output;

    @Option(
            names = "--last",
            paramLabel = "K",
            description = "Compute the logits of the last K tokens only. Default: 0, all.")
    private int last;

    @Option(names = "--hidden-states", description = "Also write the hidden states of every layer.")
    private boolean hiddenStates;

    @Option(
            names = "--attentions",
            description = "Also write the attention weights of every layer.")
    private boolean attentions;

    @Option(
            names = "--position-ids",
            paramLabel = "IDS",
            converter = Rows.Converter.class,
            description =
                    "Positions of --ids. Default: 0,1,2..., with --mask counted from its first 1 as"
                            + " transformers' generate does.")
    private @Nullable Rows positionIds;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final AdapterOption adapter = new AdapterOption();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public LogitsCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        check();
        try (ZooModel<NDList, NDList> loaded =
                        model.load(terminal, NDList.class, NDList.class, adapter.arguments());
                NDManager manager = loaded.getNDManager().newSubManager()) {
            run(loaded, manager);
        }
        return 0;
    }

    private void check() {
        prompt.check(terminal);
        if (last < 0) {
            throw terminal.usage("--last is " + last + ", must not be negative");
        }
        Rows ids = prompt.ids;
        if (ids != null && !ids.rectangular()) {
            throw terminal.usage(
                    "the rows of --ids differ in length: pad the shorter ones on the left and give"
                            + " --mask");
        }
        if (positionIds != null && (ids == null || !ids.fits(positionIds))) {
            throw terminal.usage("--position-ids must have the shape of --ids");
        }
        Path parent = output == null ? null : output.toAbsolutePath().getParent();
        if (parent != null && !Files.isDirectory(parent)) {
            throw terminal.usage("--output is " + output + ", but there is no directory " + parent);
        }
        if (output == null && (hiddenStates || attentions)) {
            throw terminal.usage(
                    "--hidden-states and --attentions are written to a file: give --output");
        }
    }

    private void run(ZooModel<?, ?> loaded, NDManager manager) throws IOException {
        MistralPreTrainedModel network = (MistralPreTrainedModel) loaded.getBlock();
        boolean generates = network instanceof MistralForCausalLM;
        Rows ids = prompt.ids == null ? encode(loaded, generates) : prompt.ids;
        checkVocabulary(ids, network.config().vocabSize());
        Map<String, NDArray> inputs = new LinkedHashMap<>();
        inputs.put("input_ids", array(manager, ids));
        Rows positions = positionIds;
        if (prompt.mask != null) {
            inputs.put("attention_mask", array(manager, prompt.mask));
            // other heads have no generate(): their positions are those of the array
            positions = positions == null && generates ? positions(prompt.mask) : positions;
        }
        if (positions != null) {
            inputs.put("position_ids", array(manager, positions));
        }
        ForwardInput input =
                ForwardInput.ofIds(array(manager, ids))
                        .attentionMask(inputs.get("attention_mask"))
                        .positionIds(inputs.get("position_ids"))
                        .logitsToKeep(last);
        if (hiddenStates) {
            input.outputHiddenStates();
        }
        if (attentions) {
            input.outputAttentions();
        }
        ForwardOutput result = network.forward(new ParameterStore(manager, false), input, false);
        List<Tensor> tensors = new ArrayList<>();
        inputs.forEach((name, array) -> tensors.add(integers(name, array)));
        if (network instanceof MistralForQuestionAnswering) {
            tensors.add(floats("start_logits", result.logits().get("..., 0")));
            tensors.add(floats("end_logits", result.logits().get("..., 1")));
        } else {
            String name = network instanceof MistralModel ? "last_hidden_state" : "logits";
            tensors.add(floats(name, result.logits()));
        }
        add(tensors, "hidden_states.", result.hiddenStates(), network.kernels());
        add(tensors, "attentions.", result.attentions(), network.kernels());
        if (output != null) {
            Safetensors.write(output, tensors, Map.of("format", "pt"));
        }
        report(tensors, generates ? top(result.logits(), network) : List.of(), network);
    }

    private Rows encode(ZooModel<?, ?> loaded, boolean generates) throws IOException {
        if (!generates) {
            try (MistralTokenizer tokenizer =
                    MistralTokenizer.open(MistralPipeline.checkpoint(loaded))) {
                return new Rows(List.of(tokenizer.encodePlain(prompt.text(), true)));
            }
        }
        try (MistralPipeline pipeline = MistralPipeline.open(loaded)) {
            return new Rows(List.of(prompt.encode(pipeline)));
        }
    }

    /** Checks the vocabulary range: PyTorch's message is unclear, and on a GPU it crashes. */
    private static void checkVocabulary(Rows ids, int size) {
        for (long id : ids.flat()) {
            if (id < 0 || id >= size) {
                throw new IllegalArgumentException(
                        "--ids has " + id + ": token IDs of this model are 0 to " + (size - 1));
            }
        }
    }

    /** Positions as transformers' generate derives them from a mask; those of padding are 0. */
    private static Rows positions(Rows mask) {
        List<long[]> rows = new ArrayList<>();
        for (long[] row : mask.list()) {
            long[] positions = new long[row.length];
            long next = 0;
            for (int i = 0; i < row.length; ++i) {
                positions[i] = row[i] == 0 ? 0 : next++;
            }
            rows.add(positions);
        }
        return new Rows(rows);
    }

    private static NDArray array(NDManager manager, Rows rows) {
        return manager.create(rows.flat(), new Shape(rows.count(), rows.list().get(0).length));
    }

    private static void add(
            List<Tensor> tensors, String prefix, @Nullable NDList list, Kernels kernels) {
        if (list != null) {
            for (int i = 0; i < list.size(); ++i) {
                tensors.add(floats(prefix + i, kernels.toFloat32(list.get(i))));
            }
        }
    }

    private static Tensor integers(String name, NDArray array) {
        ByteBuffer bytes = bytes(name, array, Long.BYTES);
        bytes.asLongBuffer().put(array.toType(DataType.INT64, false).toLongArray());
        return new Tensor(name, Dtype.INT64, array.getShape().getShape(), bytes);
    }

    private static Tensor floats(String name, NDArray array) {
        ByteBuffer bytes = bytes(name, array, Float.BYTES);
        bytes.asFloatBuffer().put(array.toFloatArray());
        return new Tensor(name, Dtype.FLOAT32, array.getShape().getShape(), bytes);
    }

    private static ByteBuffer bytes(String name, NDArray array, int width) {
        long size = array.size() * width;
        if (size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    name
                            + " takes "
                            + Units.bytes(size)
                            + ", more than 2 GiB: use --last K, or a"
                            + " shorter prompt");
        }
        return ByteBuffer.allocateDirect((int) size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns the most likely next tokens of each row. */
    private static List<List<Candidate>> top(NDArray logits, MistralPreTrainedModel network) {
        int vocabulary = network.config().vocabSize();
        int batch = (int) logits.getShape().get(0);
        float[] flat = logits.toFloatArray();
        int tokens = flat.length / batch / vocabulary;
        List<List<Candidate>> top = new ArrayList<>();
        for (int b = 0; b < batch; ++b) {
            int from = ((b + 1) * tokens - 1) * vocabulary;
            top.add(best(Arrays.copyOfRange(flat, from, from + vocabulary)));
        }
        return top;
    }

    private void report(
            List<Tensor> tensors, List<List<Candidate>> top, MistralPreTrainedModel network) {
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("model", model.model);
            object.put("output", output == null ? null : output.toString());
            Map<String, Object> shapes = new LinkedHashMap<>();
            tensors.forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
            object.put("tensors", shapes);
            if (!top.isEmpty()) {
                object.put("top", top);
            }
            object.put("kernels", ModelOptions.describe(network));
            json.print(terminal, object);
            return;
        }
        for (int b = 0; b < top.size(); ++b) {
            terminal.out().println("row " + b + ", most likely next:");
            for (Candidate next : top.get(b)) {
                terminal.out().printf(Locale.ROOT, "%8d %12.5f%n", next.id(), next.logit());
            }
        }
        if (output != null) {
            tensors.forEach(tensor -> terminal.note(output + ": " + tensor.name() + " " + tensor));
        }
        terminal.note(network.kernelReason());
    }

    private static List<Candidate> best(float[] logits) {
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                .limit(TOP)
                .map(id -> new Candidate(id, logits[id]))
                .toList();
    }

    /** A candidate for the next token, as in the JSON. */
    private record Candidate(int id, float logit) {}
}
