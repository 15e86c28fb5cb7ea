// Collectives that are begun: each rank leaves its tensor, and the last one computes everybody's result.
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

internal sealed partial class LocalMeetings
{
    /// <summary>A member begins a collective; it waits for nobody, but the last one computes.</summary>
    public LocalMeeting Deposit(
        LocalRounds rounds, IReadOnlyList<int> members, int place, GroupCall call, Tensor x, Func<IReadOnlyList<Tensor>, Tensor[]> compute)
    {
        var kept = x.alias().DetachFromDisposeScope();
        LocalMeeting round;
        bool last;
        lock (gate)
        {
            try
            {
                Begin(members[place], call);
                round = rounds.Next(place);
                round.Kept.Add(kept);
                Agree(round, place, call);
            }
            catch (LocalWorldException)
            {
                kept.Dispose();
                throw;
            }

            (round.Calls[place], round.Tensors[place]) = (call, kept);
            last = ++round.Arrived == round.Members.Count;
        }

        if (last)
        {
            Compute(round, (tensors, _) => compute(tensors));
        }

        return round;
    }

    /// <summary>Whether a member's result can be had without waiting.</summary>
    public bool IsThere(LocalMeeting round, int place)
    {
        lock (gate)
        {
            return round.Results[place] is not null;
        }
    }

    /// <summary>Waits for what was begun; gives this member's result, in its current scope.</summary>
    public Tensor Take(LocalRounds rounds, LocalMeeting round, int place, GroupCall call)
    {
        var rank = round.Members[place];
        bool there;
        lock (gate)
        {
            there = round.Results[place] is not null;
            if (!there)
            {
                ThrowFreed(rank, call);
                StartWaiting(rank, new(call, round, null));
            }
        }

        var served = there || Wait(rank);
        lock (gate)
        {
            if (!served)
            {
                ThrowFreed(rank, call);
            }

            var result = round.Results[place] ?? throw new InvalidOperationException($"{call}: what was begun is waited for once");
            round.Results[place] = null;
            rounds.Taken(round);
            return result.MoveToOtherDisposeScope(CurrentDisposeScope);
        }
    }
}
