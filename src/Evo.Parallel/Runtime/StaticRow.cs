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
/// <remarks>
/// A row is sent to one of two places, in turn, while the device computes the pass before, which may read from this memory until its end;
/// what the pass waits for is a copy from the device to itself.
/// </remarks>
internal sealed class StaticRow : IDisposable
{
    private readonly GraphKey key;
    private readonly ISideCopies copies;
    private readonly Tensor positions, borders;
    private readonly Tensor[] staged;
    private readonly RecordedChoices choices;
    private int turn;

    /// <param name="key">The shapes.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="copies">What rows are sent with; stays the caller's.</param>
    public StaticRow(GraphKey key, Device device, ISideCopies copies)
    {
        (this.key, this.copies, choices) = (key, copies, new(device));
        (Ids, Labels, positions) = (Kept([1, key.Tokens], int64), Kept([1, key.Tokens], int64), Kept([1, key.Tokens], int64));
        borders = Kept([key.Sequences + 1], int32);
        (Targets, Scale, Sum, Right, ZSum) = (Kept([], float64), Kept([], float64), Kept([], float64), Kept([], float64), Kept([], float64));

        staged = [Place(0), Place(1)];

        Tensor Place(int place)
        {
            var numbers = Kept([(3 * key.Tokens) + key.Sequences + 1], int64);
            copies.Take(place, () => { });
            return numbers;
        }

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
    /// <param name="random">What its random choices are functions of.</param>
    public void Load(MicroBatch row, Tensor targets, Tensor? scale, PassRandom? random)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var (place, count) = (staged[turn], key.Tokens);
        long[] numbers = [.. row.Tokens, .. row.Labels, .. row.Positions, .. key.Padded(row.Boundaries)];
        copies.Fill(turn, () => HostBuffer.SendInto(tensor(numbers), place));
        copies.Take(turn, () =>
        {
            Ids.copy_(place.narrow(0, 0, count).view(1, count));
            Labels.copy_(place.narrow(0, count, count).view(1, count));
            positions.copy_(place.narrow(0, 2 * count, count).view(1, count));
            borders.copy_(place.narrow(0, 3 * count, key.Sequences + 1));
        });
        turn = 1 - turn;
        choices.Load(random);
        Targets.copy_(targets);
        // A run's scale may come to 1, which is none, and leave it again: the recording is the same.
        if (scale is null)
        {
            Scale.fill_(1);
        }
        else
        {
            Scale.copy_(scale);
        }
    }

    /// <summary>Where the tokens stand, for one pass.</summary>
    public Positions At() => Positions.Packed(borders, positions, null, key.Longest, new SentBorders(borders, key.Longest), choices);

    /// <inheritdoc/>
    public void Dispose()
    {
        choices.Dispose();
        foreach (var tensor in staged.Concat([Ids, Labels, positions, borders, Targets, Scale, Sum, Right, ZSum]))
        {
            tensor.Dispose();
        }
    }
}
