/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonObject;
import java.util.List;

/** How an answer is written: the shapes of an endpoint. One object serves one answer. */
interface AnswerFormat {

    /** Returns the whole answer. */
    JsonObject whole(List<Choice> choices, Usage usage);

    /** Returns the events before the first token. */
    List<ServerSentEvent> begin();

    /** Returns the events of new text of a choice. */
    List<ServerSentEvent> next(Choice choice, Delta delta);

    /** Returns the events after the last token of all choices. */
    List<ServerSentEvent> end(List<Choice> choices, Usage usage);

    /** Returns the event that ends a stream early. */
    ServerSentEvent failure(ApiException failure);
}
