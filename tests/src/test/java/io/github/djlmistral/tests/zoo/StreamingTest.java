/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.IteratorBytesSupplier;
import ai.djl.inference.streaming.PublisherBytesSupplier;
import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Streaming output, and release of resources however a stream ends. */
class StreamingTest extends ZooFixture {

    private static Observed<String, String> texts;
    private static Observed<ChatInput, ChatOutput> chats;
    private static Observed<Input, Output> bytes;

    private Predictor<String, String> predictor;
    private Predictor<Input, Output> serving;
    private int resources;

    @BeforeAll
    static void load() throws Exception {
        texts = Observed.load(String.class, String.class);
        chats = Observed.load(ChatInput.class, ChatOutput.class);
        bytes = Observed.load(Input.class, Output.class);
    }

    @AfterAll
    static void unload() {
        texts.close();
        chats.close();
        bytes.close();
    }

    @BeforeEach
    void open() {
        predictor = texts.newPredictor();
        serving = bytes.newPredictor();
        texts.passes();
        bytes.passes();
        resources = stillOpen();
    }

    private static int stillOpen() {
        return resources(texts.manager()) + resources(bytes.manager());
    }

    @AfterEach
    void nothingLeaks() throws Exception {
        texts.failAt(-1);
        bytes.failAt(-1);
        assertThat(stillOpen()).isEqualTo(resources);
        predictor.close();
        serving.close();
        // the models go on
        try (Predictor<String, String> next = texts.newPredictor();
                TextStream<String> stream = TextStream.of(next.streamingPredict(QUESTION))) {
            assertThat(stream.next() + stream.next()).isEqualTo("a tower");
        }
    }

    private TextStream<String> stream() throws Exception {
        return TextStream.of(predictor.streamingPredict(QUESTION));
    }

    @Test
    void thePiecesMakeTheWholeText() throws Exception {
        List<String> pieces = new ArrayList<>();
        try (TextStream<String> stream = stream()) {
            stream.forEachRemaining(pieces::add);
            assertThat(stillOpen()).isEqualTo(resources); // freed before close
            assertThat(stream.hasNext()).isFalse();
            assertThatThrownBy(stream::next)
                    .isInstanceOf(NoSuchElementException.class)
                    .hasMessageContaining("ended");
        }
        assertThat(pieces).hasSizeGreaterThan(5).doesNotContain("");
        assertThat(String.join("", pieces)).isEqualTo(ANSWER);
        assertThat(pieces.get(1)).startsWith(" ");
    }

    @Test
    void aPieceIsComputedWhenItIsAskedFor() throws Exception {
        try (TextStream<String> stream = stream()) {
            assertThat(texts.passes()).isEmpty();
            assertThat(stream.next()).isEqualTo("a");
            assertThat(stream.hasNext()).isTrue();
            assertThat(texts.passes()).hasSizeLessThanOrEqualTo(3);
            assertThat(stillOpen()).isGreaterThan(resources);
        }
    }

    @Test
    void closingEarlyEndsIt() throws Exception {
        TextStream<String> stream = stream();
        assertThat(stream.next()).isEqualTo("a");
        stream.close();
        assertThat(stillOpen()).isEqualTo(resources);
        assertThat(stream.hasNext()).isFalse();
        stream.close();
    }

    @Test
    void unreadStreamIsClosed() throws Exception {
        stream().close();
        assertThat(texts.passes()).isEmpty();
    }

    @Test
    void unclosedStreamEndsWithItsPredictor() throws Exception {
        Predictor<String, String> other = texts.newPredictor();
        TextStream<String> stream = TextStream.of(other.streamingPredict(QUESTION));
        assertThat(stream.next()).isEqualTo("a");
        other.close();
        assertThat(stillOpen()).isEqualTo(resources);
        assertThatThrownBy(stream::hasNext)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("predictor")
                .hasMessageContaining("keep both open");
        stream.close();
    }

    /** The reader must not take the pieces so far for the whole text. */
    @Test
    void closingThePredictorInTheMiddleOfATokenIsNoEndOfTheText() throws Exception {
        Predictor<String, String> other = texts.newPredictor();
        TextStream<String> stream = TextStream.of(other.streamingPredict(QUESTION));
        assertThat(stream.next()).isEqualTo("a");
        Thread closer = new Thread(other::close);
        texts.passes();
        texts.actAt(
                0,
                () -> {
                    closer.start();
                    while (closer.getState() != Thread.State.BLOCKED
                            && closer.getState() != Thread.State.WAITING) {
                        Thread.onSpinWait(); // until it has cancelled and waits for the token
                    }
                });
        assertThatThrownBy(() -> stream.forEachRemaining(piece -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed before its end");
        closer.join();
    }

    @Test
    void aFailureInTheMiddleFreesAll() throws Exception {
        texts.failAt(3);
        TextStream<String> stream = stream();
        assertThatThrownBy(() -> stream.forEachRemaining(piece -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("provoked by the test");
        assertThat(stillOpen()).isEqualTo(resources);
        assertThat(stream.hasNext()).isFalse();
    }

    @Test
    void aFailureInTheMiddleOfPredictFreesAll() {
        texts.failAt(3);
        assertThatThrownBy(() -> predictor.predict(QUESTION))
                .hasMessageContaining("provoked by the test");
    }

    @Test
    void cancellingEndsItAtTheNextToken() throws Exception {
        try (Predictor<ChatInput, ChatOutput> chat = chats.newPredictor();
                TextStream<ChatOutput> stream =
                        TextStream.of(
                                chat.streamingPredict(new ChatInput(Message.user(QUESTION))))) {
            int before = resources(chats.manager());
            assertThat(stream.next()).isEqualTo("a");
            stream.cancel();
            ChatOutput output = stream.getIterativeOutput();
            assertThat(output.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(output.completionTokens()).isLessThan(4);
            assertThat(ANSWER).startsWith(output.content());
            assertThat(resources(chats.manager())).isLessThan(before);
        }
    }

    @Test
    void streamProvidesTheWholeOutput() throws Exception {
        try (Predictor<ChatInput, ChatOutput> chat = chats.newPredictor();
                TextStream<ChatOutput> stream =
                        TextStream.of(
                                chat.streamingPredict(new ChatInput(Message.user(QUESTION))))) {
            assertThat(stream.next()).isEqualTo("a");
            ChatOutput output = stream.getIterativeOutput();
            assertThat(output.content()).isEqualTo(ANSWER);
            assertThat(output.finishReason()).isEqualTo(FinishReason.EOS);
            assertThat(output.completionTokens()).isEqualTo(18);
        }
    }

    /** Beam search has no pieces, and an output has one text. */
    @Test
    void severalTextsAreNotStreamed() throws Exception {
        try (Predictor<ChatInput, ChatOutput> chat = chats.newPredictor()) {
            ChatInput beams = question(Map.of("num_beams", 3));
            assertThatThrownBy(() -> chat.streamingPredict(beams))
                    .hasMessageContaining("num_beams is 3: beam search cannot be streamed");
            assertThat(chat.predict(beams).completionTokens()).isPositive();
            ChatInput several = question(Map.of("do_sample", true, "num_return_sequences", 2));
            assertThatThrownBy(() -> chat.streamingPredict(several))
                    .hasMessageContaining("num_return_sequences is 2, but the output has one text");
            assertThatThrownBy(() -> chat.predict(several))
                    .hasMessageContaining("num_return_sequences is 2, but the output has one text");
        }
    }

    private static ChatInput question(Map<String, Object> options) {
        return new ChatInput(List.of(Message.user(QUESTION)), options);
    }

    @Test
    void textsAreNotPushed() throws Exception {
        try (TextStream<String> stream = stream()) {
            assertThatThrownBy(stream::getAsyncOutput)
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("iterate");
        }
    }

    @Test
    void severalStreamsOfOnePredictorRunSideBySide() throws Exception {
        try (TextStream<String> first = stream();
                TextStream<String> second = stream()) {
            StringBuilder one = new StringBuilder();
            StringBuilder two = new StringBuilder();
            while (first.hasNext() || second.hasNext()) {
                one.append(first.next());
                two.append(second.next());
            }
            assertThat(one).hasToString(ANSWER);
            assertThat(two).hasToString(ANSWER);
        }
    }

    @Test
    void foreignStreamsAreRefused() throws Exception {
        StreamOutput<Output> stream = serving.streamingPredict(input(QUESTION));
        assertThatThrownBy(() -> TextStream.of(stream))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not a stream of text");
        ((AutoCloseable) stream).close();
    }

    @Test
    void bytesArePulledPieceByPiece() throws Exception {
        Output output = serving.streamingPredict(input(QUESTION)).getIterativeOutput();
        assertThat(output.getCode()).isEqualTo(200);
        assertThat(output.getProperty("Content-Type", null)).startsWith("text/plain");
        IteratorBytesSupplier pieces = (IteratorBytesSupplier) output.getData();
        assertThat(new String(pieces.next(), StandardCharsets.UTF_8)).isEqualTo("a");
        assertThat(new String(pieces.getAsBytes(), StandardCharsets.UTF_8))
                .isEqualTo(ANSWER.substring(1));
    }

    @Test
    void bytesThatNobodyPullsAreClosed() throws Exception {
        StreamOutput<Output> stream = serving.streamingPredict(input(QUESTION));
        assertThat(stream.getIterativeOutput().getData()).isNotNull();
        ((AutoCloseable) stream).close();
    }

    private static CompletableFuture<Void> subscribe(Output output, StringBuilder text) {
        PublisherBytesSupplier publisher = (PublisherBytesSupplier) output.getData();
        return publisher.subscribe(
                data -> text.append(data == null ? "|" : new String(data, StandardCharsets.UTF_8)));
    }

    @Test
    void bytesArePushedToASubscriber() throws Exception {
        StreamOutput<Output> stream = serving.streamingPredict(input(QUESTION));
        StringBuilder text = new StringBuilder();
        CompletableFuture<Void> end = subscribe(stream.getAsyncOutput(), text);
        stream.computeAsyncOutput();
        assertThat(end).isCompleted();
        assertThat(text).hasToString(ANSWER + "|");
    }

    @Test
    void aFailureReachesTheSubscriber() throws Exception {
        bytes.failAt(3);
        StreamOutput<Output> stream = serving.streamingPredict(input(QUESTION));
        StringBuilder text = new StringBuilder();
        CompletableFuture<Void> end = subscribe(stream.getAsyncOutput(), text);
        assertThatThrownBy(stream::computeAsyncOutput).hasMessage("provoked by the test");
        assertThat(end).isCompletedExceptionally();
        assertThatThrownBy(end::get)
                .isInstanceOf(ExecutionException.class)
                .hasMessageContaining("provoked by the test");
        assertThat(text).endsWith("|");
    }

    @Test
    void aFailureReachesALateSubscriber() throws Exception {
        bytes.failAt(0);
        StreamOutput<Output> stream = serving.streamingPredict(input(QUESTION));
        Output output = stream.getAsyncOutput();
        assertThatThrownBy(stream::computeAsyncOutput).hasMessage("provoked by the test");
        StringBuilder text = new StringBuilder();
        CompletableFuture<Void> end = subscribe(output, text);
        assertThat(end).isCompletedExceptionally();
        assertThat(text).hasToString("|");
    }

    @Test
    void aSubscriberThatFailsEndsTheGeneration() throws Exception {
        StreamOutput<Output> stream = serving.streamingPredict(input(QUESTION));
        PublisherBytesSupplier publisher =
                (PublisherBytesSupplier) stream.getAsyncOutput().getData();
        AtomicBoolean called = new AtomicBoolean();
        CompletableFuture<Void> end =
                publisher.subscribe(
                        data -> {
                            called.set(true);
                            throw new IllegalStateException("the client is gone");
                        });
        assertThatThrownBy(stream::computeAsyncOutput).hasMessage("the client is gone");
        assertThat(called).isTrue();
        assertThat(end).isCompletedExceptionally();
        assertThat(bytes.passes()).hasSizeLessThan(5);
    }
}
