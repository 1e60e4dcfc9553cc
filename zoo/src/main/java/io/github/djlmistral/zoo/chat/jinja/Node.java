/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;
import java.util.function.Consumer;

/** A node of a template's syntax tree. */
abstract class Node {

    final int line;

    Node(int line) {
        this.line = line;
    }

    /** Visits the children in the order in which Jinja2 looks for names in them. */
    abstract void children(Consumer<Node> visitor);

    static void visit(List<? extends Node> nodes, Consumer<Node> visitor) {
        for (Node node : nodes) {
            visitor.accept(node);
        }
    }
}
