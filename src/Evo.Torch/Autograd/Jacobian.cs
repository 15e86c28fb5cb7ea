// Jacobian matrices, a row of gradients at a time.
namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>Derivatives of functions.</summary>
        public static class functional
        {
            /// <summary>The Jacobian of one output by one input: the output's shape followed by the input's.</summary>
            public static Tensor jacobian(Func<Tensor, Tensor> function, Tensor inputs) =>
                Jacobians(xs => [function(xs[0])], [inputs])[0][0];

            /// <summary>The Jacobian of every output by one input.</summary>
            public static IEnumerable<Tensor> jacobian(Func<Tensor, Tensor[]> function, Tensor inputs) =>
                [.. Jacobians(xs => function(xs[0]), [inputs]).Select(byInput => byInput[0])];

            /// <summary>The Jacobian of one output by every input.</summary>
            public static IEnumerable<Tensor> jacobian(Func<Tensor[], Tensor> function, Tensor[] inputs) =>
                Jacobians(xs => [function(xs)], inputs)[0];

            /// <summary>The Jacobians of every output by every input, output by output.</summary>
            public static IEnumerable<Tensor> jacobian(Func<Tensor[], Tensor[]> function, Tensor[] inputs) =>
                [.. Jacobians(function, inputs).SelectMany(byInput => byInput)];

            private static Tensor[][] Jacobians(Func<Tensor[], Tensor[]> function, Tensor[] inputs)
            {
                using var scope = NewDisposeScope();
                using var recording = enable_grad();
                var leaves = Array.ConvertAll(inputs, x => x.detach().requires_grad_());
                var all = Array.ConvertAll(function(leaves), output => Of(output, leaves));
                foreach (var byInput in all)
                {
                    scope.MoveToOuter((IEnumerable<IDisposable>)byInput);
                }

                return all;
            }

            private static Tensor[] Of(Tensor output, Tensor[] leaves)
            {
                var count = output.numel();
                var flat = output.reshape(-1);
                var rows = Array.ConvertAll(leaves, _ => new List<Tensor>());
                for (long k = 0; k < count; k++)
                {
                    var found = flat.requires_grad
                        ? grad([flat.select(0, k)], leaves, retain_graph: true, allow_unused: true)
                        : new Tensor[leaves.Length];
                    for (var i = 0; i < leaves.Length; i++)
                    {
                        rows[i].Add(found[i] ?? zeros_like(leaves[i]));
                    }
                }

                return [.. rows.Select((row, i) => count == 0
                    ? zeros([.. output.shape, .. leaves[i].shape], dtype: leaves[i].dtype)
                    : stack(row).reshape([.. output.shape, .. leaves[i].shape]))];
            }
        }
    }
}
