/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Pins the public API: every visible type and member outside of {@code internal} packages is listed
 * in {@code src/test/resources/api}. A change of the API is a change of that listing, to be made on
 * purpose: {@code -Dapi.update} writes it anew.
 */
class PublicApiTest {

    private static final Path LISTINGS = Path.of("src/test/resources/api");

    @ParameterizedTest
    @ValueSource(strings = {"engine", "zoo"})
    void isAsListed(String module) throws IOException {
        assumeTrue(Runtime.version().feature() >= 21, "Java 17 prints members in another form");
        Path listing = LISTINGS.resolve(module + ".txt");
        List<String> api = api("io.github.djlmistral." + module);
        if (System.getProperty("api.update") != null) {
            Files.write(listing, api);
        }
        assertThat(api)
                .as("the public API of %s; -Dapi.update accepts a change", module)
                .isEqualTo(Files.readAllLines(listing));
    }

    private static List<String> api(String root) {
        List<String> lines = new ArrayList<>();
        new ClassFileImporter()
                .importPackages(root).stream()
                        .filter(type -> !(type.getPackageName() + ".").contains(".internal."))
                        .map(JavaClass::reflect)
                        .filter(PublicApiTest::isVisible)
                        .sorted((a, b) -> a.getName().compareTo(b.getName()))
                        .forEach(
                                type -> {
                                    lines.add(type.toGenericString());
                                    members(type).map(line -> "    " + line).forEach(lines::add);
                                });
        return lines;
    }

    private static boolean isVisible(Class<?> type) {
        Class<?> outer = type.getDeclaringClass();
        return isVisible(type.getModifiers())
                && !type.isAnonymousClass()
                && !type.isLocalClass()
                && (outer == null || isVisible(outer));
    }

    private static boolean isVisible(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static Stream<String> members(Class<?> type) {
        Stream<AccessibleObject> own =
                Stream.of(type.getDeclaredFields(), type.getDeclaredConstructors())
                        .flatMap(Stream::of);
        return Stream.concat(own, methods(type))
                .filter(
                        member ->
                                isVisible(((Member) member).getModifiers())
                                        && !((Member) member).isSynthetic())
                .map(PublicApiTest::describe)
                .sorted();
    }

    /** Those that it declares, and those that it has from classes which users do not see. */
    private static Stream<Method> methods(Class<?> type) {
        Class<?> parent = type.getSuperclass();
        List<Method> own = List.of(type.getDeclaredMethods());
        return parent == null || isVisible(parent.getModifiers())
                ? own.stream()
                : Stream.concat(
                        own.stream(),
                        methods(parent)
                                .filter(method -> own.stream().noneMatch(o -> same(o, method))));
    }

    private static boolean same(Method a, Method b) {
        return !a.isSynthetic()
                && a.getName().equals(b.getName())
                && Arrays.equals(a.getParameterTypes(), b.getParameterTypes());
    }

    private static String describe(AccessibleObject member) {
        if (member instanceof Field field) {
            return field.toGenericString();
        }
        Executable executable = (Executable) member;
        return executable instanceof Method method
                ? method.toGenericString()
                : ((Constructor<?>) executable).toGenericString();
    }
}
