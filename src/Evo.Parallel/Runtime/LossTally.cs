using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A cross entropy before it is divided.</summary>
/// <param name="Nats">Sum over the labels that count.</param>
/// <param name="Right">Labels that no other token's logit is above.</param>
/// <param name="Targets">How many count.</param>
public readonly record struct LossSum(double Nats, long Right, long Targets)
{
    /// <summary>Nats for each label; 0 where there is none.</summary>
    public double Mean => Nats / Math.Max(1, Targets);

    /// <summary>Part of the labels that was guessed right; 0 where there is none.</summary>
    public double Accuracy => (double)Right / Math.Max(1, Targets);

    /// <summary>Both together.</summary>
    public static LossSum operator +(LossSum a, LossSum b) => new(a.Nats + b.Nats, a.Right + b.Right, a.Targets + b.Targets);
}

/// <summary>
/// What the micro-batches of a step gave whose last stage is here, by type of document. It stays on the device, so that no pass
/// waits for it, and is read once.
/// </summary>
/// <param name="types">Types of documents, at least one.</param>
internal sealed class LossTally(int types)
{
    private readonly Tensor?[] byType = new Tensor?[types];
    private Tensor? routers;

    /// <summary>Adds a micro-batch of a type.</summary>
    /// <param name="type">Its number, from 0.</param>
    /// <param name="sum">Its cross entropy, a scalar.</param>
    /// <param name="right">How many of its labels were guessed right, a scalar.</param>
    public void Add(int type, Tensor sum, Tensor right)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        Keep(ref byType[type], stack([sum.detach().to_type(float64), right.to_type(float64)]));
    }

    /// <summary>Adds what routers added to the loss of a micro-batch.</summary>
    public void AddRouters(Tensor added)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        Keep(ref routers, added.detach().to_type(float64).reshape(1));
    }

    /// <summary>Sums in nats and right guesses of each type, and what routers added; null where none did. Waits for the device.</summary>
    public (double[] Nats, double[] Right, double? Routers) Read()
    {
        List<Tensor> found = [.. byType.OfType<Tensor>()];
        if (routers is not null)
        {
            found.Add(routers);
        }

        double[] values = [];
        if (found.Count > 0)
        {
            using var all = cat(found);
            using var here = all.cpu();
            values = here.data<double>().ToArray();
        }

        var (nats, right, next) = (new double[types], new double[types], 0);
        for (var type = 0; type < types; type++)
        {
            if (byType[type] is not null)
            {
                (nats[type], right[type], next) = (values[next], values[next + 1], next + 2);
            }
        }

        found.ForEach(tensor => tensor.Dispose());
        return (nats, right, routers is null ? null : values[next]);
    }

    // The first is kept, the others are added to it.
    private static void Keep(ref Tensor? kept, Tensor value)
    {
        if (kept is null)
        {
            kept = value.DetachFromDisposeScope();
        }
        else
        {
            kept.add_(value);
        }
    }
}
