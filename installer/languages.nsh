; The words of the setup, in the two languages of the product.

!macro Words NAME ENGLISH CHINESE
    LangString ${NAME} ${LANG_ENGLISH} `${ENGLISH}`
    LangString ${NAME} ${LANG_SIMPCHINESE} `${CHINESE}`
!macroend
!define Words "!insertmacro Words"

${Words} StartNow "Start Slotdeck" "启动 Slotdeck"
${Words} Tooltip "Make, see and run Redis Clusters" "创建、查看和管理 Redis 集群"
${Words} FileKind "Slotdeck cluster definition" "Slotdeck 集群定义"

${Words} ChooseTitle "Who is Slotdeck for?" "为谁安装 Slotdeck？"
${Words} ChooseText "Slotdeck ${VERSION} makes, shows and runs Redis Clusters." "Slotdeck ${VERSION}：创建、查看和管理 Redis 集群。"
${Words} ChooseMe "Just for &me (no administrator rights are needed)" "仅为我安装(&M)（无需管理员权限）"
${Words} ChooseAll "For &everyone on this computer (Windows asks for administrator rights)" "为此计算机上的所有人安装(&E)（Windows 会请求管理员权限）"
${Words} ChooseUpgrade "The version in $Before is replaced. Clusters and settings stay as they are." "将替换 $Before 中的版本。集群和设置保持不变。"

${Words} PartApp "Slotdeck and slotctl" "Slotdeck 与 slotctl"
${Words} PartDesktop "Shortcut on the desktop" "桌面快捷方式"
${Words} PartPath "slotctl in every terminal" "在任意终端中使用 slotctl"
${Words} PartFiles "Open .slotdeck files" "打开 .slotdeck 文件"
${Words} AboutApp "The window, its terminal twin slotctl, and an entry in the Start menu." "桌面程序、命令行程序 slotctl，以及“开始”菜单中的快捷方式。"
${Words} AboutDesktop "A shortcut to Slotdeck on the desktop." "在桌面上创建 Slotdeck 的快捷方式。"
${Words} AboutPath "Puts Slotdeck's folder on the PATH, so that terminals find slotctl." "将 Slotdeck 的文件夹加入 PATH，终端即可找到 slotctl。"
${Words} AboutFiles "A double click on a cluster definition (.slotdeck) opens it in Slotdeck." "双击集群定义文件（.slotdeck）即可用 Slotdeck 打开。"

${Words} InUse "Slotdeck or slotctl is running. Close it, then press Retry." "Slotdeck 或 slotctl 正在运行。请先将其关闭，然后点击“重试”。"
${Words} CantWrite "A file can't be written in $INSTDIR. Choose another folder, or look at its permissions." "无法写入 $INSTDIR。请选择其他文件夹，或检查其权限。"
${Words} NoRights "Without administrator rights Slotdeck can't be installed or removed for everyone." "没有管理员权限，无法为所有人安装或卸载 Slotdeck。"
${Words} PathFailed "The PATH was left as it is: slotctl could not change it." "PATH 未更改：slotctl 无法修改它。"

${Words} RemoveTitle "Remove Slotdeck" "卸载 Slotdeck"
${Words} RemoveSub "Slotdeck is removed from $INSTDIR." "将从 $INSTDIR 卸载 Slotdeck。"
${Words} RemoveKeep "Your clusters, their data and your settings stay on the disk, and a later Slotdeck finds them again, unless you tick the box." "除非勾选下面的选项，否则您的集群、其数据和设置都会保留在磁盘上，以后安装的 Slotdeck 可以重新找到它们。"
${Words} RemoveData "Also &delete the clusters made with Slotdeck, all their data, and the settings" "同时删除用 Slotdeck 创建的集群、其全部数据以及设置(&D)"
${Words} RemoveButton "&Remove" "卸载(&R)"
${Words} RemoveSure "The data of every cluster made with Slotdeck will be deleted, and can't be brought back. Delete it?" "用 Slotdeck 创建的所有集群的数据都将被删除，且无法恢复。确定删除吗？"
${Words} ServersRun "Servers of these clusters are running:$\r$\n$\r$\n$R1$\r$\n$\r$\nStop them and remove Slotdeck?" "以下集群的服务器正在运行：$\r$\n$\r$\n$R1$\r$\n$\r$\n停止它们并卸载 Slotdeck 吗？"
${Words} RunningUnknown "It can't be told whether servers of your clusters run, so nothing was removed. If slotctl does not start, install Slotdeck again first.$\r$\n$\r$\n$R1" "无法确定集群的服务器是否正在运行；因此未卸载任何内容。如果 slotctl 无法启动，请先重新安装 Slotdeck。$\r$\n$\r$\n$R1"
${Words} StopFailed "Not every server could be stopped; nothing was removed:$\r$\n$\r$\n$R1" "有服务器未能停止；未卸载任何内容：$\r$\n$\r$\n$R1"
${Words} DataFailed "Not everything could be deleted; Slotdeck was not removed:$\r$\n$\r$\n$R1" "未能删除全部数据；未卸载 Slotdeck：$\r$\n$\r$\n$R1"
