using System.Collections;
using System.Runtime.CompilerServices;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>N ranks as threads of this process, for tests and for training on one machine without processes.</summary>
/// <remarks>
/// Each rank begins as a new thread does: gradients are recorded, no scope is open. What it makes is disposed when its body
/// ends, but for its result. Nothing hangs: a rank that throws frees the others, and so does one that leaves while others wait
/// for it, a call that does not agree with the others', a standstill of all, and a wait beyond the time limit.
/// </remarks>
public static class LocalWorld
{
    /// <summary>The longest that a rank waits in one operation.</summary>
    public static readonly TimeSpan DefaultTimeLimit = TimeSpan.FromMinutes(2);

    /// <summary>Runs <paramref name="body"/> on every rank and returns when all have ended.</summary>
    /// <param name="size">How many ranks.</param>
    /// <param name="body">What each does.</param>
    /// <param name="timeLimit">The longest wait in one operation, default <see cref="DefaultTimeLimit"/>.</param>
    /// <param name="threads">Threads that one operation of a rank is split over; default: the present number shared out, at least 1.</param>
    /// <exception cref="LocalWorldException">See there; the inner exception is that of the rank that threw first.</exception>
    public static void Run(int size, Action<LocalRank> body, TimeSpan? timeLimit = null, int? threads = null) =>
        Results(
            size,
            rank =>
            {
                body(rank);
                return 0;
            },
            timeLimit,
            threads);

    /// <summary>
    /// As <see cref="Run"/>, with the result of each rank. Tensors in a result (itself, or in arrays, lists, dictionaries and
    /// tuples) belong to the caller's scope.
    /// </summary>
    public static T[] Results<T>(int size, Func<LocalRank, T> body, TimeSpan? timeLimit = null, int? threads = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        var limit = timeLimit ?? DefaultTimeLimit;
        var own = threads ?? Math.Max(1, Threads.Count / size);
        var results = new T[size];
        using var world = new LocalMeetings(size, limit);
        // Not disposed: a rank that was given up may signal long after.
        var ended = new CountdownEvent(size);
        for (var i = 0; i < size; i++)
        {
            var rank = i;
            RankThread.Run(own, () => RunRank(world, rank, size, body, results), () => ended.Signal());
        }

        // A rank that computes and never calls is given up: one limit after the first failure, it is left to itself.
        while (!ended.Wait(TimeSpan.FromMilliseconds(200)) && !world.GivenUp)
        {
        }

        var tensors = results.SelectMany(result => TensorsIn(result)).ToArray();
        if (world.Failure() is { } failure)
        {
            // Of ranks that had ended well.
            Array.ForEach(tensors, tensor => tensor.Dispose());
            throw failure;
        }

        Array.ForEach(tensors, tensor => tensor.MoveToOtherDisposeScope(CurrentDisposeScope));
        return results;
    }

    private static void RunRank<T>(LocalMeetings world, int rank, int size, Func<LocalRank, T> body, T[] results)
    {
        try
        {
            using (var scope = NewDisposeScope())
            {
                var result = body(new LocalRank(world, rank, size));
                scope.Detach(TensorsIn(result));
                results[rank] = result;
            }

            world.Leave(rank);
        }
        catch (Exception exception)
        {
            // The rim of a thread: whatever it was, the others must hear of it, and the caller of Run.
            world.Threw(rank, exception);
        }
    }

    private static IEnumerable<Tensor> TensorsIn(object? value) => value switch
    {
        Tensor tensor => [tensor],
        string => [],
        IDictionary dictionary => dictionary.Values.Cast<object?>().SelectMany(TensorsIn),
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => TensorsIn(tuple[i])),
        Array { Rank: 1 } array when array.GetType().GetElementType() is { IsPrimitive: true } => [],
        IEnumerable many => many.Cast<object?>().SelectMany(TensorsIn),
        _ => [],
    };
}
