using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>The gradient of one bucket on its way through one or two collectives, of which the second begins where the first has ended.</summary>
internal sealed class BucketReduction
{
    private readonly Queue<Func<Tensor, PendingTensor>> steps;
    private Tensor sent;
    private PendingTensor pending;

    /// <summary>Begins the first collective.</summary>
    /// <param name="input">What is sent; belongs to this from here on.</param>
    /// <param name="steps">The collectives, one at least.</param>
    internal BucketReduction(Tensor input, IEnumerable<Func<Tensor, PendingTensor>> steps)
    {
        this.steps = new(steps);
        sent = input.DetachFromDisposeScope();
        pending = this.steps.Dequeue()(sent);
    }

    /// <summary>Waits for the collective under way if another follows, and begins that.</summary>
    internal void Advance()
    {
        if (steps.Count > 0)
        {
            pending = steps.Dequeue()(Arrived());
        }
    }

    /// <summary>Waits for the end; the result belongs to the caller.</summary>
    internal Tensor Complete()
    {
        while (steps.Count > 0)
        {
            Advance();
        }

        return Arrived();
    }

    /// <summary>Nobody waits for it: it was told to a recording that failed, and nothing is sent.</summary>
    internal void Abandon() => sent.Dispose();

    private Tensor Arrived()
    {
        var result = pending.Wait().DetachFromDisposeScope();
        // A group of one gives back what it was given.
        if (!ReferenceEquals(result, sent))
        {
            sent.Dispose();
        }

        return sent = result;
    }
}
