// Autograd functions whose forward and backward are written in .NET.
using System.Runtime.InteropServices;
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>What single and multi tensor functions have in common. T is the function's own class.</summary>
        public abstract unsafe class Function<T>
            where T : Function<T>, new()
        {
            // Outputs that one function may have; function.cpp has the same number.
            private const int MaxOutputs = 64;

            /// <summary>The function's name, for messages.</summary>
            public abstract string Name { get; }

            internal abstract List<Tensor> RunForward(AutogradContext ctx, object?[] vars);

            internal abstract List<Tensor> RunBackward(AutogradContext ctx, List<Tensor> gradients);

            /// <summary>Runs forward and records backward. Tensors among the arguments are the inputs.</summary>
            protected static List<Tensor> apply_internal(params object?[] vars)
            {
                var call = new FunctionCall<T>(new T(), vars);
                var inputs = vars.OfType<Tensor>().ToList();
                var handles = Handles(inputs, "vars");
                var outputs = stackalloc nint[MaxOutputs];
                var state = GCHandle.Alloc(call);
                var calls = new FunctionCalls
                {
                    Forward = &FunctionCallbacks.Forward,
                    Backward = &FunctionCallbacks.Backward,
                    Free = &FunctionCallbacks.Free,
                };
                int count;
                fixed (nint* h = handles)
                {
                    NativeFailure.Check(
                        NativeMethods.evo_function_apply(
                            &calls, (void*)GCHandle.ToIntPtr(state), h, handles.Length, outputs, &count),
                        call.Name);
                }

                GC.KeepAlive(inputs);
                return call.TakeOutputs(new(outputs, count));
            }
        }

        /// <summary>A function with one output.</summary>
        public abstract class SingleTensorFunction<T> : Function<T>
            where T : SingleTensorFunction<T>, new()
        {
            /// <summary>Computes the output; nothing in here is recorded.</summary>
            public abstract Tensor forward(AutogradContext ctx, params object[] vars);

            /// <summary>The gradient of every argument of forward, null for those that have none.</summary>
            public abstract List<Tensor> backward(AutogradContext ctx, Tensor grad_output);

            /// <summary>Calls the function.</summary>
            public static Tensor apply(params object[] vars) => apply_internal(vars)[0];

            internal override List<Tensor> RunForward(AutogradContext ctx, object?[] vars) => [forward(ctx, vars!)];

            internal override List<Tensor> RunBackward(AutogradContext ctx, List<Tensor> gradients) =>
                backward(ctx, gradients[0]);
        }

        /// <summary>A function with several outputs.</summary>
        public abstract class MultiTensorFunction<T> : Function<T>
            where T : MultiTensorFunction<T>, new()
        {
            /// <summary>Computes the outputs; nothing in here is recorded.</summary>
            public abstract List<Tensor> forward(AutogradContext ctx, params object[] vars);

            /// <summary>The gradient of every argument of forward, null for those that have none.</summary>
            public abstract List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs);

            /// <summary>Calls the function.</summary>
            public static List<Tensor> apply(params object[] vars) => apply_internal(vars);

            internal override List<Tensor> RunForward(AutogradContext ctx, object?[] vars) => forward(ctx, vars!);

            internal override List<Tensor> RunBackward(AutogradContext ctx, List<Tensor> gradients) =>
                backward(ctx, gradients);
        }
    }
}
