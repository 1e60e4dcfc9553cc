/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/** What {@code namespace()} returns: the one kind of object whose attributes can be set. */
final class Namespace {

    final Dict attributes;

    Namespace(Dict attributes) {
        this.attributes = attributes;
    }
}
