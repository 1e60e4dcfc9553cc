/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.ModelException;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.util.Arrays;

/**
 * Logits of a batch of two sequences from token IDs and an attention mask, without a tokenizer.
 *
 * <pre>examples/mistral --run LogitsExample</pre>
 */
public final class LogitsExample {

    private LogitsExample() {}

    /**
     * Runs the example.
     *
     * @param arguments none
     */
    public static void main(String[] arguments)
            throws IOException, ModelException, TranslateException {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(NDList.class, NDList.class).build().loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            Shape shape = new Shape(2, 4);
            NDArray ids = manager.create(new long[] {1, 400, 401, 402, 0, 0, 1, 400}, shape);
            NDArray mask = manager.create(new long[] {1, 1, 1, 1, 0, 0, 1, 1}, shape);
            NDArray positions = manager.create(new long[] {0, 1, 2, 3, 0, 0, 0, 1}, shape);
            try (NDList output = predictor.predict(new NDList(ids, mask, positions))) {
                NDArray logits = output.singletonOrThrow();
                System.out.println("logits " + logits.getShape());
                System.out.println(
                        "most likely next tokens "
                                + Arrays.toString(logits.get(":, -1").argMax(-1).toLongArray()));
            }
        }
    }
}
