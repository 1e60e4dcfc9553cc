/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

/**
 * Whether an answer is streamed.
 *
 * @param stream whether it is
 * @param includesUsage whether the stream ends with the usage
 */
record StreamFields(boolean stream, boolean includesUsage) {

    /** Takes {@code stream} and {@code stream_options}. */
    static StreamFields take(Fields fields) {
        boolean stream = fields.flag("stream");
        Fields options = fields.object("stream_options");
        if (options == null) {
            return new StreamFields(stream, false);
        }
        if (!stream) {
            throw ApiException.invalid(
                    "stream_options", "stream_options has an effect only with stream");
        }
        boolean usage = options.flag("include_usage");
        options.only("include_obfuscation", false);
        options.end();
        return new StreamFields(true, usage);
    }
}
