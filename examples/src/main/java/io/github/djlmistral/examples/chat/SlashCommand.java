/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The commands of a conversation. */
public enum SlashCommand {
    /** {@code /regenerate}. */
    REGENERATE("", "answer the last message again"),
    /** {@code /undo}. */
    UNDO("", "take back the last message and its answer, or the file for the next message"),
    /** {@code /file}. */
    FILE("FILE", "put the text of a file before the next message"),
    /** {@code /system}. */
    SYSTEM("TEXT", "start over with this system message; without TEXT, with none"),
    /** {@code /clear}. */
    CLEAR("", "start over"),
    /** {@code /reset}. */
    RESET("", "start over"),
    /** {@code /set}. */
    SET(
            "OPTION VALUE",
            "set an option of generation, such as temperature 0.7; VALUE default unsets it;"
                    + " /set lists those that are set"),
    /** {@code /schema}. */
    SCHEMA("FILE", "answer in JSON of the JSON Schema in a file; /schema off ends that"),
    /** {@code /save}. */
    SAVE("FILE", "save the conversation and its options"),
    /** {@code /load}. */
    LOAD("FILE", "continue a saved conversation"),
    /** {@code /tokens}. */
    TOKENS("", "print tokens and times of each answer, or no longer"),
    /** {@code /help}. */
    HELP("", "list the commands"),
    /** {@code /quit}. */
    QUIT("", "end (as does Ctrl-D)"),
    /** {@code /exit}. */
    EXIT("", "end (as does Ctrl-D)");

    private final String argument;
    private final String help;

    SlashCommand(String argument, String help) {
        this.argument = argument;
        this.help = help;
    }

    /**
     * Finds a command.
     *
     * @param text the command as entered, such as {@code /save}
     * @return the command; empty if there is none
     */
    public static Optional<SlashCommand> of(String text) {
        return Arrays.stream(values()).filter(each -> each.toString().equals(text)).findFirst();
    }

    /** Returns the list of the commands. */
    public static String help() {
        return Arrays.stream(values())
                .map(each -> String.format(Locale.ROOT, "%-19s %s", each + " " + each.argument, each.help))
                .collect(Collectors.joining("\n"));
    }

    /** Returns what stands for the argument in the help; empty if there is none. */
    public String argument() {
        return argument;
    }

    /** Returns the description. */
    String description() {
        return help;
    }

    /** Returns the command as it is entered. */
    @Override
    public String toString() {
        return "/" + name().toLowerCase(Locale.ROOT);
    }
}
