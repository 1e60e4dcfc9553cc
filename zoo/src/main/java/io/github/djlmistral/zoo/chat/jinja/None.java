/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/** Python's {@code None}. */
enum None {
    NONE
}
