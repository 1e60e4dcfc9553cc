/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An expression of operators and their operands. */
abstract class OperatorExpr extends Expr {

    private OperatorExpr(int line) {
        super(line);
    }

    /** An arithmetic operation. */
    static final class Binary extends OperatorExpr {

        final Arithmetic.Operator operator;
        final Expr left;
        final Expr right;

        Binary(Arithmetic.Operator operator, Expr left, Expr right, int line) {
            super(line);
            this.operator = operator;
            this.left = left;
            this.right = right;
        }

        @Override
        Object eval(Frame frame) {
            Object a = left.nested(frame);
            Object b = right.nested(frame);
            return Arithmetic.apply(frame.render, operator, a, b);
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(left);
            visitor.accept(right);
        }
    }

    /** {@code not}, {@code -} or {@code +} in front of an expression. */
    static final class Unary extends OperatorExpr {

        final char operator;
        final Expr operand;

        Unary(char operator, Expr operand, int line) {
            super(line);
            this.operator = operator;
            this.operand = operand;
        }

        @Override
        Object eval(Frame frame) {
            Object value = operand.nested(frame);
            return operator == '!'
                    ? (Object) !Types.truth(value)
                    : Arithmetic.sign(operator, value);
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(operand);
        }
    }

    /** {@code and} or {@code or}. */
    static final class Logical extends OperatorExpr {

        final boolean and;
        final Expr left;
        final Expr right;

        Logical(boolean and, Expr left, Expr right, int line) {
            super(line);
            this.and = and;
            this.left = left;
            this.right = right;
        }

        @Override
        Object eval(Frame frame) {
            Object value = left.nested(frame);
            return Types.truth(value) == and ? right.nested(frame) : value;
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(left);
            visitor.accept(right);
        }
    }

    /** {@code a ~ b ~ c}. */
    static final class Concat extends OperatorExpr {

        final List<Expr> parts;

        Concat(List<Expr> parts, int line) {
            super(line);
            this.parts = parts;
        }

        @Override
        Object eval(Frame frame) {
            List<Object> values = evalAll(parts, frame);
            StrBuilder text = new StrBuilder(frame.render.budget);
            for (Object value : values) {
                text.append(Repr.str(frame.render, value));
            }
            return text.toStr();
        }

        @Override
        void children(Consumer<Node> visitor) {
            visit(parts, visitor);
        }
    }

    /** {@code a < b <= c}: each operand is evaluated once, up to the first that is false. */
    static final class Comparison extends OperatorExpr {

        final Expr first;
        final List<Compare.Operator> operators;
        final List<Expr> operands;

        Comparison(Expr first, List<Compare.Operator> operators, List<Expr> operands, int line) {
            super(line);
            this.first = first;
            this.operators = operators;
            this.operands = operands;
        }

        @Override
        Object eval(Frame frame) {
            Object left = first.nested(frame);
            for (int i = 0; i < operators.size(); i++) {
                Object right = operands.get(i).nested(frame);
                if (!Compare.apply(frame.render, operators.get(i), left, right)) {
                    return false;
                }
                left = right;
            }
            return true;
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(first);
            visit(operands, visitor);
        }
    }

    /** {@code a if test else b}. */
    static final class Conditional extends OperatorExpr {

        final Expr test;
        final Expr yes;
        final @Nullable Expr no;

        Conditional(Expr test, Expr yes, @Nullable Expr no, int line) {
            super(line);
            this.test = test;
            this.yes = yes;
            this.no = no;
        }

        @Override
        Object eval(Frame frame) {
            if (Types.truth(test.nested(frame))) {
                return yes.nested(frame);
            }
            return no != null
                    ? no.nested(frame)
                    : new Undefined(
                            "the inline if-expression on line "
                                    + line
                                    + " evaluated to false and no else section was defined.");
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(test);
            visitor.accept(yes);
            if (no != null) {
                visitor.accept(no);
            }
        }
    }
}
