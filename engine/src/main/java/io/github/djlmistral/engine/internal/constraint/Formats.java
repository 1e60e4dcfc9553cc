/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static java.util.Map.entry;

import io.github.djlmistral.engine.internal.Quote;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The formats of JSON Schema's validation vocabulary that are regular. */
final class Formats {

    private static final String YEAR = "[0-9]{4}";

    // 400 and 96 others of each 400 years
    private static final String LEAP_YEAR =
            "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";

    private static final String DATE =
            "("
                    + YEAR
                    + "-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
                    + "|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
                    + "|02-(0[1-9]|1[0-9]|2[0-8]))"
                    + "|"
                    + LEAP_YEAR
                    + "-02-29)";

    // RFC 3339: the leap second is at 23:59:60 UTC. Of the offsets, which then decide on the local
    // time, only those of whole quarters of an hour, as all time zones have since there are any:
    // all would be 1,440 branches
    private static final String TIME =
            "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?"
                    + "([zZ]|[-+]([01][0-9]|2[0-3]):[0-5][0-9])"
                    + "|"
                    + leapSeconds()
                    + ")";

    private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

    private static final String IPV4 = "(" + BYTE + "\\.){3}" + BYTE;

    private static final String IPV6 = ipv6();

    /** RFC 1123. */
    private static final String LABEL = "[0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?";

    private static final String ATOM = "[-A-Za-z0-9!#$%&'*+/=?^_`{|}~]+";

    /** RFC 5321, what stands before the {@code @} of a mailbox. */
    private static final String LOCAL_PART =
            ATOM + "(\\." + ATOM + ")*|\"([ !#-\\[\\]-~]|\\\\[ -~])*\"";

    private static final String ADDRESS_LITERAL = "\\[(" + IPV4 + "|IPv6:" + IPV6 + ")\\]";

    /** RFC 6901. */
    private static final String POINTER = "(/([^~/]|~[01])*)*";

    /** RFC 3987: what an IRI may have besides the characters of a URI, and in its query. */
    private static final String UCSCHAR = ucschar();

    private static final String PRIVATE =
            "\\u{E000}-\\u{F8FF}\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}";

    private static final Map<String, String> PATTERNS =
            Map.ofEntries(
                    entry("date", DATE),
                    entry("time", TIME),
                    entry("date-time", DATE + "[tT]" + TIME),
                    entry("duration", duration()),
                    entry("uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
                    entry("ipv4", IPV4),
                    entry("ipv6", IPV6),
                    entry("uri", uri("", "", false)),
                    entry("uri-reference", uri("", "", true)),
                    entry("iri", uri(UCSCHAR, PRIVATE, false)),
                    entry("iri-reference", uri(UCSCHAR, PRIVATE, true)),
                    entry("uri-template", template()),
                    entry("json-pointer", POINTER),
                    entry("relative-json-pointer", "(0|[1-9][0-9]*)(#|" + POINTER + ")"));

    private static final Map<String, Text> TEXTS = new ConcurrentHashMap<>();

    private Formats() {}

    static Text of(String format) {
        if (!Set.of("hostname", "email").contains(format) && !PATTERNS.containsKey(format)) {
            throw new IllegalArgumentException(
                    "the format " + Quote.of(format) + " cannot be enforced; remove it");
        }
        return TEXTS.computeIfAbsent(format, Formats::build);
    }

    private static Text build(String format) {
        return switch (format) {
            // without A-labels: whether one is valid is a question of punycode and of Unicode
            case "hostname" ->
                    Text.notEmpty(
                            names(
                                    new Regex.Difference(
                                            RegexParser.whole(LABEL),
                                            RegexParser.whole("[xX][nN]--.*"))));
            case "email" ->
                    Text.notEmpty(
                            new Regex.Concat(
                                    List.of(
                                            atMost(64, RegexParser.whole(LOCAL_PART)),
                                            RegexParser.literal("@"),
                                            new Regex.Union(
                                                    List.of(
                                                            names(RegexParser.whole(LABEL)),
                                                            RegexParser.whole(ADDRESS_LITERAL))))));
            default -> Text.of(RegexParser.whole(PATTERNS.getOrDefault(format, "")));
        };
    }

    /** Labels between dots. */
    private static Regex names(Regex label) {
        Regex more = new Regex.Concat(List.of(RegexParser.literal("."), label));
        return atMost(
                253,
                new Regex.Concat(List.of(label, new Regex.Repeat(more, 0, Integer.MAX_VALUE))));
    }

    private static Regex atMost(int characters, Regex regex) {
        return new Regex.Intersection(regex, Text.length(1, characters).regex());
    }

    private static String duration() {
        String time = "T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)";
        String date = "([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)";
        return "P(" + date + "(" + time + ")?|" + time + "|[0-9]+W)";
    }

    private static String leapSeconds() {
        StringBuilder all = new StringBuilder("(");
        for (int local = 14; local < 24 * 60; local += 15) {
            if (local % 60 == 14) {
                all.append(local == 14 ? "" : ")|").append(two(local / 60)).append(":(");
            }
            // local time less offset is 23:59
            int ahead = (local + 1) % (24 * 60);
            int behind = (24 * 60 - ahead) % (24 * 60);
            all.append(local % 60 == 14 ? "" : "|")
                    .append(two(local % 60))
                    .append(":60(\\.[0-9]+)?(\\+")
                    .append(two(ahead / 60))
                    .append(':')
                    .append(two(ahead % 60))
                    .append("|-")
                    .append(two(behind / 60))
                    .append(':')
                    .append(two(behind % 60))
                    .append(ahead == 0 ? "|[zZ])" : ")");
        }
        return all.append("))").toString();
    }

    private static String two(int number) {
        return number < 10 ? "0" + number : "" + number;
    }

    /** RFC 4291 with RFC 5954's grammar: the eight forms by the groups before {@code ::}. */
    private static String ipv6() {
        String group = "[0-9a-fA-F]{1,4}";
        String last = "(" + group + ":" + group + "|" + IPV4 + ")";
        StringBuilder all = new StringBuilder("((" + group + ":){6}" + last);
        for (int behind = 5; behind >= 0; behind--) {
            all.append('|').append(before(group, 5 - behind)).append("::");
            all.append('(').append(group).append(":){").append(behind).append('}').append(last);
        }
        all.append('|').append(before(group, 6)).append("::").append(group);
        all.append('|').append(before(group, 7)).append("::");
        return all.append(')').toString();
    }

    private static String before(String group, int most) {
        return most == 0 ? "" : "((" + group + ":){0," + (most - 1) + "}" + group + ")?";
    }

    /**
     * RFC 3986 and 3987.
     *
     * @param more what characters there are besides those of a URI
     * @param query the same of the query only
     * @param relative whether the scheme and more may be missing
     */
    private static String uri(String more, String query, boolean relative) {
        String escaped = "%[0-9a-fA-F]{2}";
        String plain = "-A-Za-z0-9._~!$&'()*+,;=" + more;
        String character = "([" + plain + ":@]|" + escaped + ")";
        String path = "(/" + character + "*)*";
        String future = "[vV][0-9a-fA-F]+\\.[-A-Za-z0-9._~!$&'()*+,;=:]+";
        String literal = "\\[(" + IPV6 + "|" + future + ")\\]";
        String host = "(" + literal + "|([" + plain + "]|" + escaped + ")*)";
        String authority = "(([" + plain + ":]|" + escaped + ")*@)?" + host + "(:[0-9]*)?";
        String rooted = "//" + authority + path + "|/(" + character + "+" + path + ")?|";
        String scheme = "[A-Za-z][-A-Za-z0-9+.]*:(" + rooted + character + "+" + path + "|)";
        // the first part of a relative path has no colon
        String first = "([" + plain + "@]|" + escaped + ")+";
        return (relative ? "(" + scheme + "|" + rooted + first + path + "|)" : scheme)
                + ("(\\?([" + plain + query + ":@/?]|" + escaped + ")*)?")
                + ("(#([" + plain + ":@/?]|" + escaped + ")*)?");
    }

    private static String ucschar() {
        StringBuilder all =
                new StringBuilder("\\u{A0}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFEF}");
        for (int plane = 1; plane <= 14; plane++) {
            String number = Integer.toHexString(plane);
            String first = plane == 14 ? "1000" : "0000";
            all.append("\\u{").append(number).append(first).append("}-\\u{");
            all.append(number).append("FFFD}");
        }
        return all.toString();
    }

    /** RFC 6570. */
    private static String template() {
        String escaped = "%[0-9a-fA-F]{2}";
        String literal = "([!#$&'-;=?-\\[\\]_a-z~" + UCSCHAR + PRIVATE + "]|" + escaped + ")";
        String letter = "([A-Za-z0-9_]|" + escaped + ")";
        String variable = letter + "(\\.?" + letter + ")*(:[1-9][0-9]{0,3}|\\*)?";
        String list = variable + "(," + variable + ")*";
        return "(" + literal + "|\\{[+#./;?&=,!@|]?" + list + "\\})*";
    }
}
