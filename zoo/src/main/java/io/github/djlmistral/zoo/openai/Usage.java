/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonObject;

/**
 * Numbers of tokens.
 *
 * @param prompt tokens of the prompts, each counted once
 * @param cached those of them that a kept prefix of an earlier request held
 * @param completion generated tokens of all choices, end tokens included
 */
record Usage(int prompt, int cached, int completion) {

    JsonObject json() {
        return Json.object(
                "prompt_tokens",
                prompt,
                "completion_tokens",
                completion,
                "total_tokens",
                prompt + completion,
                "prompt_tokens_details",
                Json.object("cached_tokens", cached));
    }
}
