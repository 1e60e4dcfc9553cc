/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/** A value that can be called: a method, macro, global function or {@code loop}. */
@FunctionalInterface
interface Callable {

    Object call(Render render, Args args);
}
