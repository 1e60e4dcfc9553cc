/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.UUID;

/**
 * What the chunks of an answer have in common.
 *
 * @param id a new name
 * @param created seconds since 1970
 * @param model the name of the model as in the request
 */
record AnswerHeader(String id, long created, String model) {

    /** Makes the header of a new answer. */
    static AnswerHeader of(String prefix, String model) {
        return new AnswerHeader(newId(prefix), System.currentTimeMillis() / 1000, model);
    }

    static String newId(String prefix) {
        return prefix + UUID.randomUUID().toString().replace("-", "").toLowerCase(Locale.ROOT);
    }

    JsonObject json(String object) {
        return Json.object(
                "id", id,
                "object", object,
                "created", created,
                "model", model,
                "system_fingerprint", null);
    }
}
