namespace Evo.Parallel;

/// <summary>What one optimizer step gives: all that the law of parity compares.</summary>
/// <param name="Loss">Mean cross entropy over the labels that count.</param>
/// <param name="RouterLoss">What routers added; null without them.</param>
/// <param name="ZLoss">What the head's z-loss added; 0 without it.</param>
/// <param name="Norm">Norm of all gradients, before clipping.</param>
/// <param name="Gradients">Every parameter's gradient, whole, by logical name.</param>
/// <param name="Parameters">Every parameter after the update, whole.</param>
public sealed record StepQuantities(
    double Loss, double? RouterLoss, double ZLoss, double Norm, IReadOnlyDictionary<string, double[]> Gradients,
    IReadOnlyDictionary<string, double[]> Parameters);

/// <summary>How far two runs are apart at one quantity.</summary>
/// <param name="Error">By the law's measure; NaN where one is missing or has another size.</param>
/// <param name="Quantity">Which quantity, of which step.</param>
public readonly record struct Divergence(double Error, string Quantity)
{
    /// <summary>Whether the law allows it.</summary>
    public bool Allowed => Error <= Parity.Tolerance;
}

/// <summary>The steps of one run at one layout.</summary>
/// <param name="Steps">In order.</param>
/// <param name="Unequal">Quantities that should have had equal bits on several ranks and had not.</param>
public sealed record LayoutFigures(IReadOnlyList<StepQuantities> Steps, IReadOnlyList<string> Unequal)
{
    /// <summary>The largest divergence from the run on one device.</summary>
    public Divergence Worst(LayoutFigures serial, double learningRate) =>
        Compare(serial, learningRate).Aggregate(new Divergence(0, "loss"), (worst, next) => double.IsNaN(worst.Error) || next.Error <= worst.Error ? worst : next);

    /// <summary>The first quantity, in the order of computation, that the law does not allow; null where all holds.</summary>
    public Divergence? First(LayoutFigures serial, double learningRate) =>
        Compare(serial, learningRate).Where(d => !d.Allowed).Cast<Divergence?>().FirstOrDefault();

    /// <summary>
    /// Every quantity of every step. A tensor's error is max|a − b| / max(max|a|, floor): of gradients the floor is 10⁻⁶ × the
    /// largest entry of any, because some are zero in exact arithmetic; of updated parameters it is the learning rate, the size
    /// of an update.
    /// </summary>
    public IEnumerable<Divergence> Compare(LayoutFigures serial, double learningRate)
    {
        for (var s = 0; s < serial.Steps.Count; s++)
        {
            var (a, b, at) = (serial.Steps[s], Steps[s], $" of step {s + 1}");
            yield return new(ParityFigures.Error([a.Loss], [b.Loss], 0), "loss" + at);
            if (a.RouterLoss is not null || b.RouterLoss is not null)
            {
                yield return new(ParityFigures.Error([a.RouterLoss ?? double.NaN], [b.RouterLoss ?? double.NaN], 0), "router loss" + at);
            }

            yield return new(ParityFigures.Error([a.ZLoss], [b.ZLoss], 0), "z-loss" + at);
            var largest = a.Gradients.Values.Max(g => g.Length == 0 ? 0 : g.Max(Math.Abs));
            foreach (var (name, gradient) in a.Gradients)
            {
                yield return new(ParityFigures.Error(gradient, b.Gradients.GetValueOrDefault(name, []), 1e-6 * largest), $"gradient of {name}" + at);
            }

            yield return new(ParityFigures.Error([a.Norm], [b.Norm], 0), "norm" + at);
            foreach (var (name, parameter) in a.Parameters)
            {
                yield return new(ParityFigures.Error(parameter, b.Parameters.GetValueOrDefault(name, []), learningRate), name + at);
            }
        }
    }
}
