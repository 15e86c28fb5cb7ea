using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// What the random choices of a pass that is recorded are functions of, in memory that stays: the key of each choice, and the place of the
/// pass in the step's whole batch. Which choices a pass makes is learnt where it is first computed; each row that is computed afterwards,
/// by the recording too, has keys of its own.
/// </summary>
public sealed class RecordedChoices : IDisposable
{
    private const int Most = 1024;
    private readonly List<(long Block, long Choice)> known = [];
    private readonly Tensor keys;
    private PassRandom? pass;

    /// <param name="device">Where the model is.</param>
    public RecordedChoices(Device device)
    {
        keys = zeros([Most, 2], int64, device).DetachFromDisposeScope();
        First = zeros([], int64, device).DetachFromDisposeScope();
    }

    /// <summary>Tokens of the step's whole batch before the first one of the pass, an int64 scalar.</summary>
    internal Tensor First { get; }

    /// <summary>The choices of the pass that comes next.</summary>
    /// <param name="random">What they are functions of; null where the pass does not say.</param>
    public void Load(PassRandom? random)
    {
        pass = random;
        if (random is { } given)
        {
            using var quiet = no_grad();
            using var scope = NewDisposeScope();
            HostBuffer.SendInto(tensor(given.FirstToken), First);
            if (known.Count > 0)
            {
                Send(known, 0, given);
            }
        }
    }

    /// <summary>The words of a choice for tokens of the pass, as <see cref="RandomWords.Of(RandomKey, Tensor)"/> of its key.</summary>
    /// <param name="block">The block that chooses.</param>
    /// <param name="choice">The number of the choice in its block.</param>
    /// <param name="tokens">Places of tokens in the step's whole batch, int64.</param>
    /// <exception cref="InvalidOperationException">The pass does not say its step, or makes more choices than there is memory for.</exception>
    internal Tensor Words(long block, long choice, Tensor tokens)
    {
        var place = known.IndexOf((block, choice));
        if (place < 0)
        {
            place = known.Count;
            if (place == Most)
                throw new InvalidOperationException($"a recorded pass makes {Most} random choices at most");
            known.Add((block, choice));
            Send([(block, choice)], place, pass ?? throw new InvalidOperationException(BlockRandom.NoStep));
        }

        return RandomWords.Of(keys[place], tokens);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        keys.Dispose();
        First.Dispose();
    }

    private void Send(IReadOnlyList<(long Block, long Choice)> choices, int place, PassRandom random)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var numbers = new long[2 * choices.Count];
        for (var i = 0; i < choices.Count; i++)
        {
            (numbers[2 * i], numbers[(2 * i) + 1]) = RandomWords.Halves(random.Step.At(choices[i].Block).At(choices[i].Choice));
        }

        HostBuffer.SendInto(tensor(numbers, [choices.Count, 2]), keys.narrow(0, place, choices.Count));
    }
}
