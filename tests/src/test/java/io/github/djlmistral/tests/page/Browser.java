/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.page;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** The installed Chromium without a window, in which elements are named by CSS selectors. */
final class Browser implements Closeable {

    /** It warns that it does not know each new Chromium's own protocol, which is not used here. */
    private static final Logger LOGGER = Logger.getLogger("org.openqa.selenium");

    private final ChromeDriver driver;
    private final WebDriverWait wait;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
        wait = new WebDriverWait(driver, Duration.ofSeconds(20), Duration.ofMillis(10));
        wait.ignoring(StaleElementReferenceException.class);
    }

    /** Starts the browser, or skips the test if there is none. */
    static Browser start() {
        Optional<File> browser = onPath("chromium");
        Optional<File> service = onPath("chromedriver");
        assumeTrue(
                browser.isPresent() && service.isPresent(),
                "chromium and chromedriver are not installed (Debian's chromium-driver)");
        LOGGER.setLevel(Level.SEVERE);
        ChromeOptions options = new ChromeOptions();
        options.setBinary(browser.get());
        options.addArguments(
                "--headless=new",
                "--no-sandbox", // which root cannot have
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--no-first-run");
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability(ChromeOptions.LOGGING_PREFS, logs);
        // With a driver that is given, Selenium downloads none.
        return new Browser(
                new ChromeDriver(
                        new ChromeDriverService.Builder()
                                .usingDriverExecutable(service.get())
                                .usingAnyFreePort()
                                .build(),
                        options));
    }

    private static Optional<File> onPath(String program) {
        String path = System.getenv().getOrDefault("PATH", "");
        return Arrays.stream(path.split(File.pathSeparator))
                .map(directory -> new File(directory, program))
                .filter(File::canExecute)
                .findFirst();
    }

    /** Opens the chat page in a window of this size, and waits until it knows the model. */
    void open(URI uri, int width, int height) {
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of(
                        "width",
                        width,
                        "height",
                        height,
                        "deviceScaleFactor",
                        1,
                        "mobile",
                        width < 500));
        log();
        driver.get(uri.toString());
        until(() -> !text("#model").isEmpty());
    }

    void open(URI uri) {
        open(uri, 1200, 800);
    }

    /** Emulates a system in which the user prefers this colour scheme, "light" or "dark". */
    void prefer(String scheme) {
        driver.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of(
                        "features",
                        List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    void until(BooleanSupplier condition) {
        wait.until(any -> condition.getAsBoolean());
    }

    /** Waits until an element is visible. */
    WebElement shown(String selector) {
        return wait.until(
                any ->
                        elements(selector).stream()
                                .filter(WebElement::isDisplayed)
                                .findFirst()
                                .orElse(null));
    }

    boolean isShown(String selector) {
        return elements(selector).stream().anyMatch(WebElement::isDisplayed);
    }

    List<WebElement> elements(String selector) {
        return driver.findElements(By.cssSelector(selector));
    }

    /**
     * Returns the text of the first of the elements as the page has it, also if it is not visible.
     */
    String text(String selector) {
        return (String)
                run("return document.querySelector(arguments[0])?.textContent ?? ''", selector);
    }

    /** Returns the texts of all of the elements. */
    List<String> texts(String selector) {
        return elements(selector).stream().map(WebElement::getText).toList();
    }

    void untilText(String selector, String text) {
        until(() -> text(selector).equals(text));
    }

    void click(String selector) {
        shown(selector).click();
    }

    /** Types where the focus is. */
    void press(CharSequence... keys) {
        driver.switchTo().activeElement().sendKeys(keys);
    }

    /** Replaces the text of a field. */
    void fill(String selector, CharSequence... text) {
        WebElement field = shown(selector);
        field.sendKeys(Keys.chord(Keys.CONTROL, "a"), Keys.DELETE);
        field.sendKeys(text);
    }

    Object run(String script, Object... arguments) {
        return driver.executeScript(script, arguments);
    }

    /** Whether the element of the selector has the focus. */
    boolean isFocused(String selector) {
        return (boolean) run("return document.activeElement.matches(arguments[0])", selector);
    }

    /**
     * Returns what axe-core finds wrong with the page as it is: accessibility, contrast as well.
     */
    List<?> violations() {
        if (!(boolean) run("return 'axe' in window")) {
            run(axe());
        }
        return (List<?>)
                driver.executeAsyncScript(
                        """
                        const done = arguments[0];
                        // Colours are those at the end of a transition.
                        for (const animation of document.getAnimations()) {
                          if (animation instanceof CSSTransition) animation.finish();
                        }
                        axe.run().then(({ violations }) => done(violations.flatMap((violation) =>
                          violation.nodes.map((node) =>
                            `${violation.id}: ${node.html} ${node.failureSummary}`))));
                        """);
    }

    private static String axe() {
        try (InputStream in = Browser.class.getResourceAsStream("/axe.min.js")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns what the page and the browser have reported since it was opened. */
    List<String> log() {
        return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .map(LogEntry::getMessage)
                .toList();
    }

    @Override
    public void close() {
        driver.quit();
    }
}
