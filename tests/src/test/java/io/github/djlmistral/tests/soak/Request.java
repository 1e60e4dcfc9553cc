/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import com.google.gson.JsonParser;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** What a worker asks for, each checked against the answers of a single thread. */
final class Request {

    /** The kinds, as often as they are listed. */
    private static final List<Kind> KINDS =
            List.of(
                    Request::predict,
                    Request::predict,
                    Request::predict,
                    Request::chat,
                    Request::bytes,
                    Request::batch,
                    Request::batch,
                    Request::stream,
                    Request::stream,
                    Request::streamClosedEarly,
                    Request::streamClosedEarly,
                    Request::streamCancelled,
                    Request::streamOfAClosedPredictor,
                    Request::interrupted,
                    Request::interrupted,
                    Request::faulty);

    private final SoakModel model;
    private final SplittableRandom random;
    private final ScheduledExecutorService timer;

    private Request(SoakModel model, SplittableRandom random, ScheduledExecutorService timer) {
        this.model = model;
        this.random = random;
        this.timer = timer;
    }

    /**
     * Runs a request of a random kind.
     *
     * @param timer for what another thread does meanwhile
     * @return its kind, for statistics
     * @throws Exception if a check fails
     */
    static Outcome run(SoakModel model, SplittableRandom random, ScheduledExecutorService timer)
            throws Exception {
        Kind kind = KINDS.get(random.nextInt(KINDS.size()));
        return kind.run(new Request(model, random, timer));
    }

    /** The expected end of a request. */
    enum Outcome {
        ANSWERED,
        CANCELLED,
        INTERRUPTED,
        REFUSED
    }

    @FunctionalInterface
    private interface Kind {

        Outcome run(Request request) throws Exception;
    }

    private String question() {
        List<String> questions = model.questions();
        return questions.get(random.nextInt(questions.size()));
    }

    private Outcome predict() throws Exception {
        String question = question();
        try (Predictor<String, String> predictor = model.texts()) {
            model.check(question, predictor.predict(question));
        }
        return Outcome.ANSWERED;
    }

    private Outcome chat() throws Exception {
        String question = question();
        try (Predictor<ChatInput, ChatOutput> predictor = model.chats()) {
            ChatOutput output = predictor.predict(new ChatInput(Message.user(question)));
            model.check(question, output.content());
        }
        return Outcome.ANSWERED;
    }

    private static Input input(String body) {
        Input input = new Input();
        input.add(body.getBytes(StandardCharsets.UTF_8));
        return input;
    }

    private Outcome bytes() throws Exception {
        String question = question();
        try (Predictor<Input, Output> predictor = model.bytes()) {
            Output output = predictor.predict(input("{\"inputs\": \"" + question + "\"}"));
            model.check(
                    question,
                    JsonParser.parseString(output.getData().getAsString())
                            .getAsJsonObject()
                            .get("generated_text")
                            .getAsString());
        }
        return Outcome.ANSWERED;
    }

    private Outcome batch() throws Exception {
        List<String> batch = new ArrayList<>();
        int size = random.nextInt(2, 6);
        for (int i = 0; i < size; ++i) {
            batch.add(question());
        }
        try (Predictor<String, String> predictor = model.texts()) {
            List<String> answers = predictor.batchPredict(batch);
            for (int i = 0; i < size; ++i) {
                model.check(batch.get(i), answers.get(i));
            }
        }
        return Outcome.ANSWERED;
    }

    private Outcome stream() throws Exception {
        String question = question();
        StringBuilder text = new StringBuilder();
        try (Predictor<String, String> predictor = model.texts();
                TextStream<String> stream = TextStream.of(predictor.streamingPredict(question))) {
            stream.forEachRemaining(text::append);
        }
        model.check(question, text.toString());
        return Outcome.ANSWERED;
    }

    private Outcome streamClosedEarly() throws Exception {
        String question = question();
        StringBuilder text = new StringBuilder();
        int pieces = random.nextInt(4);
        try (Predictor<String, String> predictor = model.texts();
                TextStream<String> stream = TextStream.of(predictor.streamingPredict(question))) {
            while (pieces-- > 0 && stream.hasNext()) {
                text.append(stream.next());
            }
        }
        model.checkBeginning(question, text.toString());
        return Outcome.CANCELLED;
    }

    private Outcome streamCancelled() throws Exception {
        String question = question();
        StringBuilder text = new StringBuilder();
        try (Predictor<String, String> predictor = model.texts();
                TextStream<String> stream = TextStream.of(predictor.streamingPredict(question))) {
            meanwhile(
                    stream::cancel,
                    () -> {
                        stream.forEachRemaining(text::append);
                        return null;
                    });
        }
        model.checkBeginning(question, text.toString());
        return Outcome.CANCELLED;
    }

    private Outcome streamOfAClosedPredictor() throws Exception {
        String question = question();
        StringBuilder text = new StringBuilder();
        // closed here as well: the answer may end before the other thread acts
        try (Predictor<String, String> predictor = model.texts();
                TextStream<String> stream = TextStream.of(predictor.streamingPredict(question))) {
            meanwhile(
                    predictor::close,
                    () -> {
                        stream.forEachRemaining(text::append);
                        return null;
                    });
            model.check(question, text.toString());
            return Outcome.ANSWERED;
        } catch (IllegalStateException e) {
            require(e, "closed");
            model.checkBeginning(question, text.toString());
            return Outcome.CANCELLED;
        }
    }

    private Outcome interrupted() throws Exception {
        String question = question();
        Thread worker = Thread.currentThread();
        try (Predictor<String, String> predictor = model.texts()) {
            String answer = meanwhile(worker::interrupt, () -> predictor.predict(question));
            model.check(question, answer);
            return Outcome.ANSWERED;
        } catch (CancellationException e) {
            return Outcome.INTERRUPTED;
        } finally {
            Thread.interrupted(); // the next request begins without
        }
    }

    /** Lets another thread act while this one works, at a random moment of about one answer. */
    private <T> T meanwhile(Runnable action, Callable<T> work) throws Exception {
        ScheduledFuture<?> acted =
                timer.schedule(action, random.nextInt(400), TimeUnit.MILLISECONDS);
        try {
            return work.call();
        } catch (Exception e) {
            if (e.getCause() instanceof CancellationException cancelled) {
                throw cancelled;
            }
            throw e;
        } finally {
            if (!acted.cancel(false)) {
                await(acted);
            }
        }
    }

    private static void await(ScheduledFuture<?> action) throws ExecutionException {
        boolean interrupted = false;
        while (true) {
            try {
                action.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private Outcome faulty() throws Exception {
        switch (random.nextInt(6)) {
            case 0 -> {
                try (Predictor<String, String> predictor = model.texts()) {
                    refused(() -> predictor.predict(""), "the prompt is empty");
                }
            }
            case 1 -> {
                try (Predictor<String, String> predictor = model.texts()) {
                    refused(
                            () -> predictor.batchPredict(List.of(question(), "")),
                            "the prompt is empty");
                }
            }
            case 2 -> {
                try (Predictor<String, String> predictor = model.texts()) {
                    String longer = "water ".repeat(3000);
                    refused(() -> predictor.streamingPredict(longer), "max_position_embeddings");
                }
            }
            case 3 -> {
                try (Predictor<ChatInput, ChatOutput> predictor = model.chats()) {
                    ChatInput input =
                            new ChatInput(
                                    List.of(Message.user("Hello!")), Map.of("temperature", -1));
                    refused(() -> predictor.predict(input), "temperature");
                }
            }
            case 4 -> {
                try (Predictor<Input, Output> predictor = model.bytes()) {
                    refused(() -> predictor.predict(input("{\"inputs\"")), "JSON");
                }
            }
            default -> {
                Predictor<String, String> predictor = model.texts();
                predictor.close();
                refused(() -> predictor.predict("Hello!"), "closed");
            }
        }
        return Outcome.REFUSED;
    }

    private static void refused(Callable<?> call, String reason) {
        try {
            call.call();
        } catch (Exception e) {
            require(e, reason);
            return;
        }
        throw new AssertionError("not refused: " + reason);
    }

    private static void require(Exception e, String reason) {
        if (!String.valueOf(e.getMessage()).contains(reason)) {
            throw new AssertionError("another exception than for: " + reason, e);
        }
    }
}
