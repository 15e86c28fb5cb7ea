namespace Evo.Models;

/// <summary>
/// Attention with linear biases (Press, Smith and Lewis, 2022): a head's scores fall with distance, slope × (key − query), and
/// nothing else tells positions apart.
/// </summary>
public static class Alibi
{
    /// <summary>
    /// The slopes of <paramref name="heads"/> heads. A power of two gets the geometric series 2^(−8/n), 2^(−16/n) …; another
    /// number gets the series of the power below it, and then every second slope of the series of the power above.
    /// </summary>
    public static double[] Slopes(int heads)
    {
        var below = 1;
        while (2 * below <= heads)
            below *= 2;
        return [.. Series(below), .. Series(2 * below).Where((_, i) => i % 2 == 0).Take(heads - below)];
    }

    private static IEnumerable<double> Series(int heads) => Enumerable.Range(1, heads).Select(i => Math.Pow(2, -8.0 * i / heads));
}
