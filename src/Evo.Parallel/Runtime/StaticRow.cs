using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Memory that stays, from which a recorded pass reads one row after another, and to which it writes what they gave. Nothing of a row is
/// in the recording itself: not how many sequences it has, nor how many labels its step counts.
/// </summary>
internal sealed class StaticRow : IDisposable
{
    private readonly GraphKey key;
    private readonly Tensor positions, borders;

    /// <param name="key">The shapes.</param>
    /// <param name="device">Where the model is.</param>
    public StaticRow(GraphKey key, Device device)
    {
        this.key = key;
        (Ids, Labels, positions) = (Kept([1, key.Tokens], int64), Kept([1, key.Tokens], int64), Kept([1, key.Tokens], int64));
        borders = Kept([key.Sequences + 1], int32);
        (Targets, Scale, Sum, Right, ZSum) = (Kept([], float64), Kept([], float64), Kept([], float64), Kept([], float64), Kept([], float64));

        Tensor Kept(long[] shape, ScalarType dtype) => zeros(shape, dtype, device).DetachFromDisposeScope();
    }

    /// <summary>Token ids, [1, T].</summary>
    public Tensor Ids { get; }

    /// <summary>The token after each.</summary>
    public Tensor Labels { get; }

    /// <summary>Labels of the whole step, by which its losses are divided.</summary>
    public Tensor Targets { get; }

    /// <summary>What the loss is multiplied by for the backward pass.</summary>
    public Tensor Scale { get; }

    /// <summary>The row's cross entropy in nats, with its z-loss.</summary>
    public Tensor Sum { get; }

    /// <summary>Its labels that were guessed right.</summary>
    public Tensor Right { get; }

    /// <summary>Its z-loss.</summary>
    public Tensor ZSum { get; }

    /// <summary>Puts a row in the place of the one before.</summary>
    /// <param name="row">It has the key's shapes.</param>
    /// <param name="targets">Labels of the whole step.</param>
    /// <param name="scale">What the loss is multiplied by; null for nothing.</param>
    public void Load(MicroBatch row, Tensor targets, Tensor? scale)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        HostBuffer.SendInto(tensor(row.Tokens, [1, key.Tokens]), Ids);
        HostBuffer.SendInto(tensor(row.Labels, [1, key.Tokens]), Labels);
        HostBuffer.SendInto(tensor(row.Positions, [1, key.Tokens]), positions);
        HostBuffer.SendInto(tensor(key.Padded(row.Boundaries)), borders);
        Targets.copy_(targets);
        if (scale is not null)
        {
            Scale.copy_(scale);
        }
    }

    /// <summary>Where the tokens stand, for one pass.</summary>
    /// <param name="random">What random choices of this very row are functions of: a pass that makes some cannot be recorded.</param>
    public Positions At(PassRandom? random) =>
        Positions.Packed(borders, positions, random, key.Longest, new SentBorders(borders, key.Longest), recorded: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in new[] { Ids, Labels, positions, borders, Targets, Scale, Sum, Right, ZSum })
        {
            tensor.Dispose();
        }
    }
}
