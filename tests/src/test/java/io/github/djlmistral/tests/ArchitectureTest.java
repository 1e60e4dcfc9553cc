/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaModifier.PROTECTED;
import static com.tngtech.archunit.core.domain.JavaModifier.PUBLIC;
import static com.tngtech.archunit.lang.SimpleConditionEvent.violated;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.members;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import ai.djl.ndarray.types.DataType;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.properties.HasModifiers;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.core.importer.Locations;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.LocationProvider;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.net.URI;
import java.util.Set;
import java.util.stream.Collectors;

/** Module dependencies, and conventions that the compiler does not check. */
@AnalyzeClasses(
        locations = ArchitectureTest.OurArtifacts.class,
        importOptions = ArchitectureTest.NoTests.class)
class ArchitectureTest {

    private static final String ROOT = "io.github.djlmistral";
    private static final String ENGINE = ROOT + ".engine..";
    private static final String ZOO = ROOT + ".zoo..";
    private static final String EXAMPLES = ROOT + ".examples..";
    private static final String INTERNAL = ROOT + "..internal..";

    @ArchTest
    static final ArchRule everyClassLivesInItsModulesPackage =
            classes()
                    .that()
                    .resideOutsideOfPackage("org.rapaio..") // a mended class of the tests' kernel
                    .should()
                    .resideInAnyPackage(ENGINE, ZOO, EXAMPLES)
                    .because("a class of ours in ai.djl would split DJL's package");

    @ArchTest
    static final ArchRule engineStandsAlone =
            noClasses()
                    .that()
                    .resideInAPackage(ENGINE)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(ZOO, EXAMPLES);

    @ArchTest
    static final ArchRule zooDoesNotKnowTheExamples =
            noClasses()
                    .that()
                    .resideInAPackage(ZOO)
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage(EXAMPLES);

    @ArchTest
    static final ArchRule enginePackagesHaveNoCycles =
            slices().assignedFrom(packagesOf(ENGINE)).should().beFreeOfCycles();

    @ArchTest
    static final ArchRule zooPackagesHaveNoCycles =
            slices().assignedFrom(packagesOf(ZOO)).should().beFreeOfCycles();

    @ArchTest
    static final ArchRule librariesDoNotPrint =
            noClasses().that().resideInAnyPackage(ENGINE, ZOO).should(ACCESS_STANDARD_STREAMS);

    @ArchTest
    static final ArchRule librariesLogThroughSlf4j =
            noClasses()
                    .that()
                    .resideInAnyPackage(ENGINE, ZOO)
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("java.util.logging..");

    @ArchTest
    static final ArchRule engineApiHidesItsLibraries =
            members()
                    .that(belongToTheApiOf(ENGINE))
                    .should(notInvolve("com.google.gson..", "com.hubspot.."))
                    .because("they may be replaced without breaking a user")
                    .allowEmptyShould(true);

    @ArchTest
    static final ArchRule membersOfTheApiHideInternals =
            members()
                    .that(belongToTheApiOf(ENGINE).or(belongToTheApiOf(ZOO)))
                    .should(notInvolve(INTERNAL))
                    .because("a user cannot use them, and they change without notice");

    @ArchTest
    static final ArchRule typesOfTheApiHideInternals =
            noClasses()
                    .that(belongToTheApi())
                    .should()
                    .beAssignableTo(resideInAnyPackage(INTERNAL));

    @ArchTest
    static final ArchRule examplesUseTheApi =
            noClasses()
                    .that()
                    .resideInAPackage(EXAMPLES)
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage(INTERNAL)
                    .because("a user can build what they show");

    @ArchTest
    static final ArchRule bfloat16IsNeverNamed =
            noClasses()
                    .should()
                    .accessField(DataType.class, "BFLOAT16")
                    .because("DJL's PyTorch engine does not know it and aborts the whole JVM");

    /** The whole of our jars (or class folders), with classes in foreign packages, if any. */
    static final class OurArtifacts implements LocationProvider {

        @Override
        public Set<Location> get(Class<?> testClass) {
            return Locations.ofPackage(ROOT).stream()
                    .map(location -> location.asURI().toString())
                    .map(uri -> URI.create(uri.replaceFirst("io/github/djlmistral/?$", "")))
                    .map(Location::of)
                    .collect(Collectors.toSet());
        }
    }

    /** ArchUnit's own option knows tests by the folder that Maven compiles them to. */
    static final class NoTests implements ImportOption {

        @Override
        public boolean includes(Location location) {
            return !location.contains("io/github/djlmistral/tests/");
        }
    }

    /**
     * Each package is a slice, the module's root package as well. Package {@code internal.x} is
     * part of the slice of {@code x}: it is the implementation of {@code x}, so the two use each
     * other.
     */
    private static SliceAssignment packagesOf(String module) {
        return new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
                return resideInAnyPackage(module).test(javaClass)
                        ? SliceIdentifier.of(javaClass.getPackageName().replace(".internal.", "."))
                        : SliceIdentifier.ignore();
            }

            @Override
            public String getDescription() {
                return "packages of " + module;
            }
        };
    }

    private static DescribedPredicate<JavaMember> belongToTheApiOf(String module) {
        return DescribedPredicate.describe(
                "belong to the API of " + module,
                member ->
                        resideInAnyPackage(module).test(member.getOwner())
                                && belongToTheApi().test(member.getOwner())
                                && visible(member));
    }

    private static DescribedPredicate<JavaClass> belongToTheApi() {
        return DescribedPredicate.describe(
                "belong to the API",
                type -> !resideInAnyPackage(INTERNAL).test(type) && visible(type));
    }

    private static boolean visible(HasModifiers element) {
        Set<JavaModifier> modifiers = element.getModifiers();
        return modifiers.contains(PUBLIC) || modifiers.contains(PROTECTED);
    }

    private static ArchCondition<JavaMember> notInvolve(String... packages) {
        return new ArchCondition<>("not involve types of " + String.join(", ", packages)) {
            @Override
            public void check(JavaMember member, ConditionEvents events) {
                member.getAllInvolvedRawTypes().stream()
                        .filter(resideInAnyPackage(packages))
                        .map(type -> member.getFullName() + " involves " + type.getName())
                        .forEach(message -> events.add(violated(member, message)));
            }
        };
    }
}
