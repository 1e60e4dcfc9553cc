/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The commands of a conversation. */
public enum SlashCommand {
    /** {@code /regenerate}. */
    REGENERATE("", "answer the last message again"),
    /** {@code /undo}. */
    UNDO("", "take back the last message and its answer"),
    /** {@code /file}. */
    FILE("FILE", "put the text of a file before the next message"),
    /** {@code /system}. */
    SYSTEM("TEXT", "start over with this system message"),
    /** {@code /clear}. */
    CLEAR("", "start over"),
    /** {@code /reset}. */
    RESET("", ""),
    /** {@code /set}. */
    SET("NAME VALUE", "set an option of generation; /set lists what is set"),
    /** {@code /schema}. */
    SCHEMA("FILE", "answer in JSON of this JSON Schema; /schema off ends that"),
    /** {@code /tools}. */
    TOOLS("FILE", "tools that the model may call, you enter the results; /tools off ends that"),
    /** {@code /save}. */
    SAVE("FILE", "save the conversation with its options"),
    /** {@code /load}. */
    LOAD("FILE", "continue a saved conversation"),
    /** {@code /tokens}. */
    TOKENS("", "print tokens and times of each answer, or no longer"),
    /** {@code /help}. */
    HELP("", "list the commands"),
    /** {@code /quit}. */
    QUIT("", "quit (as does Ctrl-D)"),
    /** {@code /exit}. */
    EXIT("", "");

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

    /** Returns the commands, without second names of others. */
    static Stream<SlashCommand> listed() {
        return Arrays.stream(values()).filter(each -> !each.help.isEmpty());
    }

    /** Returns the list of the commands for the user. */
    public static String help() {
        return listed().map(
                        each ->
                                String.format(
                                        Locale.ROOT,
                                        "%-16s  %s",
                                        each + " " + each.argument,
                                        each.help))
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
