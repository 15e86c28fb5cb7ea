namespace Evo.Parallel;

/// <summary>What one step gives: loss, auxiliary loss, logits and the gradient of every parameter, whole.</summary>
/// <param name="Loss">Mean over the labels that count.</param>
/// <param name="Auxiliary">The routers' balance and z losses, or none.</param>
/// <param name="Logits">[rows, length, vocabulary], one after the other.</param>
/// <param name="Gradients">By logical name.</param>
/// <param name="Unequal">Quantities that should have had equal bits on several ranks and had not.</param>
public sealed record ParityFigures(
    double Loss, double[] Auxiliary, double[] Logits, IReadOnlyDictionary<string, double[]> Gradients, IReadOnlyList<string> Unequal)
{
    /// <summary>The largest error of any quantity, and which it is; <see cref="double.NaN"/> where one is missing or has another size.</summary>
    /// <remarks>
    /// A tensor's error is max|a − b| / max(max|a|, 10⁻⁶ × the largest entry of that quantity in the model): some gradients are
    /// zero in exact arithmetic, so a bound without a floor would compare noise.
    /// </remarks>
    public (double Error, string Quantity) Compare(ParityFigures serial)
    {
        var worst = (Error: 0.0, Quantity: "loss");
        void See(string quantity, double[] a, double[] b, double floor)
        {
            var error = Error(a, b, floor);
            if (double.IsNaN(error) || error > worst.Error)
            {
                worst = double.IsNaN(worst.Error) ? worst : (error, quantity);
            }
        }

        See("loss", [serial.Loss], [Loss], 0);
        See("auxiliary loss", serial.Auxiliary, Auxiliary, 0);
        See("logits", serial.Logits, Logits, 0);
        var largest = serial.Gradients.Values.Max(g => g.Length == 0 ? 0 : g.Max(Math.Abs));
        foreach (var (name, gradient) in serial.Gradients)
        {
            See("gradient of " + name, gradient, Gradients.TryGetValue(name, out var found) ? found : [], 1e-6 * largest);
        }

        return worst;
    }

    internal static double Error(double[] a, double[] b, double floor)
    {
        if (a.Length != b.Length)
        {
            return double.NaN;
        }

        var (difference, largest) = (0.0, floor);
        for (var i = 0; i < a.Length; i++)
        {
            var d = Math.Abs(a[i] - b[i]);
            if (double.IsNaN(d))
            {
                return double.NaN;
            }

            (difference, largest) = (Math.Max(difference, d), Math.Max(largest, Math.Abs(a[i])));
        }

        return difference == 0 ? 0 : difference / largest;
    }
}
