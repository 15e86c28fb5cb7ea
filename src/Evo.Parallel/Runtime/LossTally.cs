using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A cross entropy before it is divided.</summary>
/// <param name="Nats">Sum over the labels that count.</param>
/// <param name="Right">Labels that no other token's logit is above.</param>
/// <param name="Z">What their z-losses added to what is minimised; no part of the cross entropy.</param>
/// <param name="Targets">How many count.</param>
public readonly record struct LossSum(double Nats, long Right, double Z, long Targets)
{
    /// <summary>Numbers of a sum.</summary>
    internal const int Figures = 4;

    /// <summary>Nats for each label; 0 where there is none.</summary>
    public double Mean => Nats / Math.Max(1, Targets);

    /// <summary>Part of the labels that was guessed right; 0 where there is none.</summary>
    public double Accuracy => (double)Right / Math.Max(1, Targets);

    /// <summary>Both together.</summary>
    public static LossSum operator +(LossSum a, LossSum b) => new(a.Nats + b.Nats, a.Right + b.Right, a.Z + b.Z, a.Targets + b.Targets);

    // Sums one behind the other, as ranks add them up.
    internal static LossSum[] Each(ReadOnlySpan<double> numbers)
    {
        var sums = new LossSum[numbers.Length / Figures];
        for (var i = 0; i < sums.Length; i++)
        {
            var of = numbers.Slice(i * Figures, Figures);
            sums[i] = new(of[0], (long)of[1], of[2], (long)of[3]);
        }

        return sums;
    }
}

/// <summary>
/// What the micro-batches of a step gave whose last stage is here, by type of document. It stays on the device, so that no pass
/// waits for it.
/// </summary>
/// <param name="types">Types of documents, at least one.</param>
public sealed class LossTally(int types) : IDisposable
{
    private readonly Tensor?[] byType = new Tensor?[types];

    /// <summary>What routers added, mean over the micro-batches: a float64 scalar; null where none did.</summary>
    public Tensor? Routers { get; private set; }

    /// <summary>How many types there are.</summary>
    public int Types => types;

    /// <summary>Adds a micro-batch of a type.</summary>
    /// <param name="type">Its number, from 0.</param>
    /// <param name="sum">Its cross entropy with its z-loss, a scalar.</param>
    /// <param name="right">How many of its labels were guessed right, a scalar.</param>
    /// <param name="zSum">Its z-loss, a scalar.</param>
    public void Add(int type, Tensor sum, Tensor right, Tensor zSum)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var z = zSum.to_type(float64);
        byType[type] = Sum(byType[type], stack([sum.detach().to_type(float64) - z, right.to_type(float64), z]));
    }

    /// <summary>Adds what routers added to the loss of a micro-batch.</summary>
    public void AddRouters(Tensor added)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        Routers = Sum(Routers, added.detach().to_type(float64).reshape([]));
    }

    /// <summary>Nats, right guesses and z-loss of each type, [types, 3] of float64.</summary>
    /// <param name="device">Where they are, which a rank without a last stage does not know by them.</param>
    public Tensor Sums(Device device)
    {
        using var scope = NewDisposeScope();
        return stack([.. byType.Select(sum => sum ?? zeros([LossSum.Figures - 1], float64, device))]).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var sum in byType)
        {
            sum?.Dispose();
        }

        Routers?.Dispose();
    }

    // The first is kept, the others are added to it.
    private static Tensor Sum(Tensor? kept, Tensor value) => kept is null ? value.DetachFromDisposeScope() : kept.add_(value);
}
