/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.modality.nlp.qa.QAInput;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import java.io.IOException;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Finds the answer to a question in a paragraph, as the reference's {@code
 * QuestionAnsweringPipeline} does: the span of the paragraph with the highest sum of start and end
 * logits that has at most {@code max_answer_len} tokens.
 *
 * <p>The question precedes the paragraph, whose tokens can attend to it only then.
 */
final class QuestionAnsweringTranslator extends HeadTranslator<QAInput, String> {

    private final int longestAnswer;

    QuestionAnsweringTranslator(Model model, Map<String, ?> arguments) throws IOException {
        super(model, MistralForQuestionAnswering.class, arguments);
        longestAnswer = ModelArguments.maxAnswerLen(arguments);
    }

    /** Returns the tokens of both, each with special tokens, and offsets of the paragraph only. */
    @Override
    EncodedText encode(QAInput input) {
        String paragraph = input.getParagraph();
        EncodedText question = encode(input.getQuestion(), "question");
        EncodedText context = encode(paragraph == null ? "" : paragraph, "paragraph");
        // truncation shortens the paragraph from its end
        long added = IntStream.range(0, context.ids().length).filter(context::isSpecial).count();
        if (question.ids().length + added >= longest()) {
            throw new IllegalArgumentException(
                    "the question has "
                            + question.ids().length
                            + " tokens, which leaves no room for the paragraph:"
                            + " max_position_embeddings is "
                            + longest()
                            + "; give a shorter question");
        }
        return question.then(context);
    }

    @Override
    String output(QAInput input, EncodedText text, float[] logits) {
        int tokens = text.ids().length;
        int first = 0;
        int last = 0;
        float best = Float.NEGATIVE_INFINITY;
        for (int start = 0; start < tokens; ++start) {
            int limit = Math.min(tokens, start + longestAnswer);
            for (int end = start; end < limit && !text.isSpecial(start); ++end) {
                float sum = logits[2 * start] + logits[2 * end + 1];
                if (sum > best && !text.isSpecial(end)) {
                    first = start;
                    last = end;
                    best = sum;
                }
            }
        }
        return input.getParagraph().substring(text.starts()[first], text.ends()[last]).strip();
    }
}
