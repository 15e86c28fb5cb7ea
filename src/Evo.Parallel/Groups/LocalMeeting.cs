using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>One group's rounds, and the messages under way between its members.</summary>
internal sealed class LocalMeeting(string key, IReadOnlyList<int> members) : IDisposable
{
    private readonly Dictionary<(int From, int To), Queue<(GroupCall Call, Tensor Tensor)>> mail = [];

    public string Key => key;

    public IReadOnlyList<int> Members => members;

    public GroupCall?[] Calls { get; } = new GroupCall?[members.Count];

    public Tensor?[] Tensors { get; } = new Tensor?[members.Count];

    public Tensor?[] Results { get; } = new Tensor?[members.Count];

    /// <summary>Tensors of a round that was begun: the members' own objects may be disposed before it ends.</summary>
    public List<Tensor> Kept { get; } = [];

    public int Arrived { get; set; }

    /// <summary>The member that opened the round.</summary>
    public int FirstPlace { get; set; }

    /// <summary>What all others must call, too: see <see cref="GroupCall.Agreement"/>.</summary>
    public string Agreement { get; set; } = "";

    /// <summary>A message that was never received, in words; null where there is none.</summary>
    public string? Unreceived => mail.Where(pair => pair.Value.Count > 0)
        .Select(pair => $"{pair.Value.Peek().Call}, by rank {members[pair.Key.From]} to rank {members[pair.Key.To]}").FirstOrDefault();

    public Queue<(GroupCall Call, Tensor Tensor)> Mail(int from, int to) =>
        mail.TryGetValue((from, to), out var queue) ? queue : mail[(from, to)] = new();

    /// <summary>Ends a round: results are there, and the next may begin.</summary>
    public void End(Tensor[]? results)
    {
        results?.CopyTo(Results, 0);
        Array.Clear(Calls);
        Array.Clear(Tensors);
        Kept.ForEach(tensor => tensor.Dispose());
        Kept.Clear();
        Arrived = 0;
    }

    public void Dispose()
    {
        foreach (var tensor in Results.Concat(Kept).Concat(mail.Values.SelectMany(queue => queue.Select(message => message.Tensor))))
        {
            tensor?.Dispose();
        }
    }
}
