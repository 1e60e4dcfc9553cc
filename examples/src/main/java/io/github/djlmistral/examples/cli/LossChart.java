/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The losses of a training run, as {@code loss.png} and {@code loss.svg}. */
final class LossChart {

    private static final int WIDTH = 900;
    private static final int HEIGHT = 500;

    /** Share of the last value in the exponential moving average. */
    private static final double NEW = 0.1;

    /** Fewer steps than this are not averaged. */
    private static final int FEW = 20;

    private final List<Double> steps = new ArrayList<>();
    private final List<Double> losses = new ArrayList<>();
    private final List<Double> evaluated = new ArrayList<>();
    private final List<Double> evaluations = new ArrayList<>();

    /** Adds the loss of a step. */
    void add(long step, double loss) {
        steps.add((double) step);
        losses.add(loss);
    }

    /** Adds the loss on the evaluation data after a step. */
    void addEvaluation(long step, double loss) {
        evaluated.add((double) step);
        evaluations.add(loss);
    }

    boolean isEmpty() {
        return steps.isEmpty();
    }

    /**
     * Draws the chart.
     *
     * @param directory where the two files are written
     * @throws IOException if they cannot be written, or this Java cannot draw
     */
    void write(Path directory) throws IOException {
        System.setProperty("java.awt.headless", "true"); // no window system is needed
        try {
            XYChart chart = chart();
            BufferedImage image = BitmapEncoder.getBufferedImage(chart);
            try (OutputStream out =
                    new BufferedOutputStream(
                            Files.newOutputStream(directory.resolve("loss.png")))) {
                ImageIO.write(image, "png", out);
            }
            try (OutputStream out =
                    new BufferedOutputStream(
                            Files.newOutputStream(directory.resolve("loss.svg")))) {
                VectorGraphicsEncoder.saveVectorGraphic(chart, out, VectorGraphicsFormat.SVG);
            }
        } catch (LinkageError | InternalError e) {
            // a Java without fonts or without the libraries of java.desktop
            throw new IOException("this Java cannot draw: " + e, e);
        }
    }

    private XYChart chart() {
        XYChart chart =
                new XYChartBuilder()
                        .width(WIDTH)
                        .height(HEIGHT)
                        .xAxisTitle("step")
                        .yAxisTitle("loss")
                        .build();
        chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setXAxisDecimalPattern("#");
        boolean many = steps.size() > FEW;
        Color blue = new Color(0x1f77b4);
        line(chart, "loss", steps, losses, many ? new Color(0xaec7e8) : blue);
        if (many) {
            line(chart, "average", steps, average(losses), blue);
        }
        if (!evaluated.isEmpty()) {
            XYSeries held =
                    line(chart, "evaluation loss", evaluated, evaluations, new Color(0xff7f0e));
            held.setMarker(SeriesMarkers.CIRCLE);
        }
        return chart;
    }

    private static XYSeries line(
            XYChart chart, String name, List<Double> x, List<Double> y, Color color) {
        XYSeries series = chart.addSeries(name, x, y);
        series.setMarker(SeriesMarkers.NONE);
        series.setMarkerColor(color);
        series.setLineColor(color);
        return series;
    }

    private static List<Double> average(List<Double> values) {
        List<Double> result = new ArrayList<>();
        double average = values.get(0);
        for (double value : values) {
            average += NEW * (value - average);
            result.add(average);
        }
        return result;
    }
}
