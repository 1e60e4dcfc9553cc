/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.ToNumberPolicy;
import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes hostile files of valid ones, the same for the same seed. */
final class Mutator {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    /** Stands for a key that is to come twice, until the document is text. */
    private static final String AGAIN = "\u0001again\u0001";

    private static final String SYNTAX = "{}[]\",:%-\n|'(0";

    private static final List<String> NUMBERS =
            List.of(
                    "0",
                    "-1",
                    "1",
                    "1.5",
                    "0.0",
                    "-0",
                    "127",
                    "255",
                    "65536",
                    "2147483646",
                    "2147483647",
                    "2147483648",
                    "-2147483648",
                    "4294967295",
                    "4294967296",
                    "9223372036854775807",
                    "9223372036854775808",
                    "18446744073709551615",
                    "1e308",
                    "1e309",
                    "1e-400",
                    "1e999999999",
                    "1e-999999999",
                    "9".repeat(60),
                    "9".repeat(200));

    private static final List<String> STRINGS =
            List.of(
                    "",
                    " ",
                    "\u0000",
                    "\n",
                    "../../x",
                    "/etc/passwd",
                    "C:\\x",
                    "CON",
                    "a:b",
                    "x.",
                    "\ud83e\udd99",
                    "\ufdd0\ufde0\ufde0\ufde0\ufde0",
                    "\u202e\u001b[2J",
                    "<s>",
                    "{{ x }}",
                    "null",
                    "NaN",
                    "torch.float64",
                    "x".repeat(5000));

    private final Random random;

    Mutator(long seed) {
        random = new Random(seed);
    }

    byte[] mutate(FuzzTarget target) {
        byte[] example = pick(target.examples());
        byte[] mutated =
                switch (target.form()) {
                    case JSON -> random.nextInt(5) == 0 ? bytes(example, target) : json(example);
                    case SAFETENSORS ->
                            random.nextInt(3) == 0 ? bytes(example, target) : header(example);
                    case TEXT, BYTES -> bytes(example, target);
                };
        return random.nextInt(20) == 0 ? bytes(mutated, target) : mutated;
    }

    private <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    /** One to four changes of bytes, half of them near the beginning, where the structure is. */
    private byte[] bytes(byte[] given, FuzzTarget target) {
        byte[] bytes = given.clone();
        for (int i = random.nextInt(4); i >= 0 && bytes.length > 0; i--) {
            int range = random.nextBoolean() ? bytes.length : Math.min(bytes.length, 2048);
            int at = random.nextInt(range);
            int count = Math.min(bytes.length - at, 1 + random.nextInt(64));
            switch (random.nextInt(9)) {
                case 0 -> bytes = Arrays.copyOf(bytes, at);
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes[at] = (byte) random.nextInt(256);
                case 3 -> bytes = splice(bytes, at, at + count, new byte[0]);
                case 4 -> bytes = splice(bytes, at, at, Arrays.copyOfRange(bytes, at, at + count));
                case 5 -> bytes = splice(bytes, at, at + count, part(pick(target.examples())));
                case 6 -> extreme(bytes, at);
                case 7 -> {
                    byte[] number = pick(NUMBERS).getBytes(StandardCharsets.US_ASCII);
                    bytes = splice(bytes, at, at + Math.min(count, 3), number);
                }
                default -> bytes[at] = (byte) SYNTAX.charAt(random.nextInt(SYNTAX.length()));
            }
        }
        return bytes;
    }

    private byte[] part(byte[] bytes) {
        if (bytes.length == 0) {
            return bytes;
        }
        int from = random.nextInt(bytes.length);
        return Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + random.nextInt(200)));
    }

    private static byte[] splice(byte[] bytes, int from, int to, byte[] between) {
        byte[] spliced = new byte[from + between.length + bytes.length - to];
        System.arraycopy(bytes, 0, spliced, 0, from);
        System.arraycopy(between, 0, spliced, from, between.length);
        System.arraycopy(bytes, to, spliced, from + between.length, bytes.length - to);
        return spliced;
    }

    /** A binary integer of 4 or 8 bytes. */
    private void extreme(byte[] bytes, int at) {
        long[] values = {
            0, 1, -1, 1L << 20, 1L << 22, 1L << 31, (1L << 31) - 1, 1L << 32, 1L << 62, 1L << 63
        };
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long value = values[random.nextInt(values.length)];
        if (random.nextBoolean() && at + Long.BYTES <= bytes.length) {
            buffer.putLong(at, value);
        } else if (at + Integer.BYTES <= bytes.length) {
            buffer.putInt(at, (int) value);
        }
    }

    /** Mutates the header and corrects its length, so that the data after it is reached. */
    private byte[] header(byte[] file) {
        ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) buffer.getLong(0);
        byte[] header = json(Arrays.copyOfRange(file, Long.BYTES, Long.BYTES + length));
        byte[] mutated = new byte[file.length - length + header.length];
        ByteBuffer.wrap(mutated)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .put(file, Long.BYTES + length, file.length - Long.BYTES - length);
        return mutated;
    }

    /** One to three changes of the tree. */
    private byte[] json(byte[] document) {
        JsonElement root = parse(new String(document, StandardCharsets.UTF_8));
        for (int i = random.nextInt(3); i >= 0; i--) {
            List<JsonElement> containers = new ArrayList<>();
            collect(root, containers);
            if (containers.isEmpty()) {
                root = value(root);
            } else if (pick(containers) instanceof JsonObject object) {
                change(object, containers);
            } else {
                change(pick(containers).isJsonArray() ? array(containers) : new JsonArray());
            }
        }
        String text = GSON.toJson(root).replace(AGAIN, "");
        if (random.nextInt(200) == 0) {
            text =
                    "{\"a\":".repeat(random.nextInt(100))
                            + "[".repeat(random.nextInt(100_000))
                            + text;
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private JsonArray array(List<JsonElement> containers) {
        List<JsonElement> arrays = containers.stream().filter(JsonElement::isJsonArray).toList();
        return pick(arrays).getAsJsonArray();
    }

    private static JsonElement parse(String text) {
        return JsonParser.parseString(text);
    }

    private static void collect(JsonElement element, List<JsonElement> containers) {
        if (element instanceof JsonObject object) {
            containers.add(object);
            object.asMap().values().forEach(value -> collect(value, containers));
        } else if (element instanceof JsonArray array) {
            containers.add(array);
            array.forEach(value -> collect(value, containers));
        }
    }

    private void change(JsonObject object, List<JsonElement> containers) {
        if (object.isEmpty()) {
            object.add(pick(STRINGS), value(JsonNull.INSTANCE));
            return;
        }
        List<Map.Entry<String, JsonElement>> members = List.copyOf(object.entrySet());
        Map.Entry<String, JsonElement> member = pick(members);
        String key = member.getKey();
        switch (random.nextInt(8)) {
            case 0 -> object.remove(key);
            case 1 -> object.add(key + AGAIN, member.getValue().deepCopy());
            case 2 -> {
                object.remove(key);
                object.add(random.nextBoolean() ? pick(STRINGS) : key + "x", member.getValue());
            }
            case 3 -> object.add(key, pick(containers).deepCopy());
            case 4 -> object.add(key, pick(members).getValue().deepCopy());
            default -> object.add(key, value(member.getValue()));
        }
    }

    private void change(JsonArray array) {
        if (array.isEmpty()) {
            array.add(value(JsonNull.INSTANCE));
            return;
        }
        int at = random.nextInt(array.size());
        switch (random.nextInt(6)) {
            case 0 -> array.remove(at);
            case 1 -> array.add(array.get(at).deepCopy());
            case 2 -> {
                for (int i = random.nextInt(300); i > 0 && array.get(at).isJsonPrimitive(); i--) {
                    array.add(array.get(at));
                }
            }
            case 3 -> array.set(at, array.get(random.nextInt(array.size())).deepCopy());
            default -> array.set(at, value(array.get(at)));
        }
    }

    /** A value of the same kind or of another. */
    private JsonElement value(JsonElement old) {
        return switch (random.nextInt(10)) {
            case 0 -> JsonNull.INSTANCE;
            case 1 -> new JsonPrimitive(random.nextBoolean());
            case 2 -> new JsonPrimitive(pick(STRINGS));
            case 3 -> new JsonObject();
            case 4 -> new JsonArray();
            case 5 -> number(String.valueOf(random.nextInt(1000)));
            case 6 -> {
                JsonArray wrapped = new JsonArray();
                wrapped.add(old.deepCopy());
                yield wrapped;
            }
            case 7 -> new JsonPrimitive(old.isJsonPrimitive() ? old.getAsString() + "0" : "0");
            default -> number(pick(NUMBERS));
        };
    }

    private static JsonPrimitive number(String digits) {
        try {
            return new JsonPrimitive(
                    ToNumberPolicy.LAZILY_PARSED_NUMBER.readNumber(
                            new JsonReader(new StringReader(digits))));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
