/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A parsed Jinja template. Immutable and thread-safe.
 *
 * <p>The language is that of Jinja2 3.1 in the environment in which Hugging Face transformers
 * renders chat templates: the immutable sandbox with {@code trim_blocks} and {@code lstrip_blocks}.
 *
 * <ul>
 *   <li>Statements: {@code for} (with {@code if}, {@code else}, {@code recursive}), {@code break},
 *       {@code continue}, {@code if}, {@code set} (also with a block), {@code with}, {@code macro},
 *       {@code call}, {@code filter}, {@code block}, {@code print}, {@code raw}, {@code
 *       generation}, and {@code autoescape false}.
 *   <li>Expressions: all of Jinja2, slices with steps included.
 *   <li>Functions: {@code cycler}, {@code dict}, {@code joiner}, {@code namespace}, {@code
 *       raise_exception}, {@code range}, {@code strftime_now}.
 *   <li>Filters: {@code abs}, {@code attr}, {@code batch}, {@code capitalize}, {@code center},
 *       {@code count}, {@code d}, {@code default}, {@code dictsort}, {@code e}, {@code escape},
 *       {@code filesizeformat}, {@code first}, {@code float}, {@code forceescape}, {@code format},
 *       {@code groupby}, {@code indent}, {@code int}, {@code items}, {@code join}, {@code last},
 *       {@code length}, {@code list}, {@code lower}, {@code map}, {@code max}, {@code min}, {@code
 *       random}, {@code reject}, {@code rejectattr}, {@code replace}, {@code reverse}, {@code
 *       round}, {@code safe}, {@code select}, {@code selectattr}, {@code slice}, {@code sort},
 *       {@code string}, {@code sum}, {@code title}, {@code tojson} (transformers' own), {@code
 *       trim}, {@code truncate}, {@code unique}, {@code upper}, {@code urlencode}, {@code
 *       wordcount}, {@code xmlattr}.
 *   <li>Tests: {@code boolean}, {@code callable}, {@code defined}, {@code divisibleby}, {@code eq},
 *       {@code equalto}, {@code escaped}, {@code even}, {@code false}, {@code filter}, {@code
 *       float}, {@code ge}, {@code greaterthan}, {@code gt}, {@code in}, {@code integer}, {@code
 *       iterable}, {@code le}, {@code lessthan}, {@code lower}, {@code lt}, {@code mapping}, {@code
 *       ne}, {@code none}, {@code number}, {@code odd}, {@code sameas}, {@code sequence}, {@code
 *       string}, {@code test}, {@code true}, {@code undefined}, {@code upper}, and the comparison
 *       operators.
 *   <li>Methods: those of Python's {@code str} except {@code encode}, {@code maketrans} and {@code
 *       translate}; of {@code dict}, {@code list}, {@code tuple} and {@code range} those that
 *       change nothing; of numbers {@code bit_length}, {@code conjugate} and {@code is_integer}.
 *   <li>Not supported: the statements {@code include}, {@code import}, {@code from}, {@code
 *       extends} and {@code autoescape true}; the function {@code lipsum}; the filters {@code
 *       pprint}, {@code striptags}, {@code urlize} and {@code wordwrap}; the remaining methods of
 *       strings and numbers; asynchronous evaluation. A template that uses one of these names is
 *       rejected when it is parsed.
 * </ul>
 *
 * <p>Each rendering has a budget of steps, memory and nesting; a template that exceeds it fails.
 */
public final class Template {

    private static final int MAX_SOURCE = 1 << 20;

    private final List<Stmt> body;
    private final Map<String, BlockStmt> blocks;
    private final Scope.Layout layout;
    private final Scope.Locals locals;
    private final @Nullable Variable self;

    private Template(List<Stmt> body, Map<String, BlockStmt> blocks) {
        this.body = body;
        this.blocks = blocks;
        Scope root = Scope.root();
        self = Names.undeclared(body, "self") ? root.parameter("self") : null;
        body.forEach(s -> s.declare(root));
        body.forEach(s -> s.bind(root));
        layout = root.layout;
        locals = root.locals();
    }

    /**
     * Parses a template.
     *
     * @param source its text
     * @return the template
     * @throws TemplateException if it has a syntax error, or uses a statement, filter, test,
     *     function or method that is unknown or not supported; the message names it and its line.
     *     As in Jinja2, a filter or test that is unknown to Jinja2, too, fails in a branch only
     *     when it is evaluated
     */
    public static Template parse(String source) {
        if (source.length() > MAX_SOURCE) {
            throw new TemplateException(
                    "the template has " + source.length() + " characters, more than " + MAX_SOURCE,
                    1);
        }
        try {
            Parser parser = new Parser(Lexer.tokenize(source));
            return new Template(parser.parse(), parser.blocks());
        } catch (StackOverflowError e) {
            throw new TemplateException("the template is nested too deeply", 1);
        }
    }

    /**
     * Renders the template.
     *
     * @param variables the variables: null, strings, numbers, booleans, maps and lists of these
     * @return the text
     * @throws TemplateException if the template fails, calls {@code raise_exception}, or exceeds a
     *     limit
     * @throws java.util.concurrent.CancellationException if the thread is interrupted, whose flag
     *     remains set
     */
    public String render(Map<String, ?> variables) {
        return render(variables, Map.of()).text();
    }

    /**
     * Renders the template, and keeps track of where each character comes from.
     *
     * @param variables as in {@link #render(Map)}; they are input
     * @param templateVariables further variables that count as the template's own text, such as
     *     special tokens
     * @return the text
     * @throws TemplateException as in {@link #render(Map)}
     */
    public RenderedText render(Map<String, ?> variables, Map<String, String> templateVariables) {
        Map<String, Object> given = new HashMap<>();
        templateVariables.forEach((name, text) -> given.put(name, Str.of(text)));
        InputValues input = new InputValues();
        variables.forEach((name, value) -> given.put(name, input.convert(value)));
        Render render = new Render(new Budget(input.size()), blocks);
        try {
            Frame frame = new Frame(render, new Context(given), null, layout.size());
            if (self != null) {
                self.set(frame, new BlockStmt.SelfReference(frame.context));
            }
            locals.enter(frame);
            StrBuilder out = new StrBuilder(render.budget);
            render.run(body, frame, out);
            return new RenderedText(out.toStr());
        } catch (PyError e) {
            throw e.is(PyError.Kind.RAISED)
                    ? new TemplateException(e.text(), render.line)
                    : TemplateException.at(render.line, e.text());
        } catch (StackOverflowError e) {
            throw TemplateException.at(render.line, "evaluation is nested too deeply");
        }
    }
}
