/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/** A namespace object, the only kind of object whose attributes can be assigned. */
final class Namespace {

    final Dict attributes;

    Namespace(Dict attributes) {
        this.attributes = attributes;
    }
}
